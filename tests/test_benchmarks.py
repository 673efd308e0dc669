"""Fixed properties of asv's suite and of the programs around it; no test measures a time."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from adamlab.records.reading import Study, folder
from benchmarks import keep
from benchmarks.page import publish

# A program that imports the suite as asv does, and prints its benchmarks and the names of the process's threads.
LOOK = """
import json, sys
from pathlib import Path
from asv_runner.discovery import disc_benchmarks
sys.path.insert(0, str(Path("benchmarks").resolve()))
found = [{"name": b.name, "version": b.version, "setups": len(b._setups), "type": b.type, "unit": b.unit,
          "rounds": getattr(b, "rounds", None), "timer": str(getattr(b, "timer", "")),
          "points": len(b._params) and [list(map(str, p)) for p in b._params]}
         for b in disc_benchmarks("benchmarks/suite")]
print(json.dumps([found, [t.joinpath("comm").read_text().strip() for t in Path("/proc/self/task").iterdir()]]))
"""


@pytest.fixture(scope="module")
def suite(request):
    """Return the benchmarks that asv finds, and the names of the threads of a process that has imported them."""
    root = request.config.rootpath
    done = subprocess.run([sys.executable, "-c", LOOK], cwd=root, check=True, capture_output=True, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def test_the_suite_can_be_forked_because_importing_it_uses_no_threads_of_polars(suite):
    _, threads = suite
    assert not [name for name in threads if re.fullmatch(r"polars-\d+|tokio.*|async-executor.*", name)]


def test_no_timing_benchmark_has_a_setup_and_all_keep_their_history_when_edited(suite):
    found, _ = suite
    assert {benchmark["version"] for benchmark in found} == {"1"}
    timed = [benchmark for benchmark in found if benchmark["type"] == "time"]
    assert len(timed) > 10
    assert [benchmark["name"] for benchmark in timed if benchmark["setups"]] == []
    assert all(benchmark["rounds"] > 1 for benchmark in timed)


def test_times_are_processor_times(suite):
    found, _ = suite
    timers = {benchmark["timer"].split(" object")[0] for benchmark in found if benchmark["type"] == "time"}
    assert timers == {"<built-in function process_time>", "<suite.commit.Clock"}


def test_everything_that_is_to_be_tracked_is(suite):
    found, _ = suite
    names = {benchmark["name"] for benchmark in found}
    assert "beyond_cache.Bandwidth.time_steps" in names
    for module in ("beyond_cache", "steps"):
        assert {f"{module}.Numba.time_steps", f"{module}.NumPy.time_steps"} < names
    assert names > {
        "steps.Python.time_steps",
        "many.Many.time_run_batch",
        "many.Memory.peakmem_minimize_many",
        "records.Records.time_read",
        "records.Records.time_write",
        "convergence.Convergence.track_steps",
        "instructions.Instructions.track_per_parameter",
        *(f"programs.{what}" for what in ("Compile.time_first_run", "Import.time_import", "Load.time_first_run")),
        *(f"programs.{what}" for what in ("Page.time_build", "Start.time_converge", "Sweep.time_multirun")),
    }
    optimizers = {point for b in found if b["name"].endswith("time_steps") for point in b["points"][0]}
    assert optimizers == {"adam", "adam_reordered", "amsgrad_paper", "lion", "muon"}


@pytest.fixture
def clone(tmp_path):
    """Return a repository with one commit and the results of one machine."""
    for line in (["init", "-q"], ["commit", "-q", "--allow-empty", "-m", "first"]):
        named = ["-c", "user.name=someone", "-c", "user.email=someone@example.org"]
        subprocess.run(["git", *named, *line], cwd=tmp_path, check=True)
    for name, value in (("name", "someone"), ("email", "someone@example.org")):
        subprocess.run(["git", "config", f"user.{name}", value], cwd=tmp_path, check=True)
    machine = folder(tmp_path / "results", "performance", "benchmarks") / "reference"
    machine.mkdir(parents=True)
    (machine / "machine.json").write_text("{}")
    (machine / "aaaaaaaa-env.json").write_text("{}")
    (machine.parent / "benchmarks.json").write_text("{}")
    (tmp_path / ".gitignore").write_text("results/\n")
    return tmp_path


def git(clone, *arguments):
    return subprocess.run(["git", *arguments], cwd=clone, check=True, capture_output=True, text=True).stdout.split()


def test_results_are_kept_on_a_branch_of_their_own_and_come_back(clone, capsys):
    before = git(clone, "status", "--porcelain"), git(clone, "rev-parse", "HEAD")
    assert keep.main(["reference"], clone) == 0
    assert git(clone, "ls-tree", "-r", "--name-only", keep.BRANCH) == [
        "benchmarks.json",
        "reference/aaaaaaaa-env.json",
        "reference/machine.json",
    ]
    assert keep.main(["reference"], clone) == 0
    assert "has all results of reference" in capsys.readouterr().out
    results = clone / keep.RESULTS / "reference"
    (results / "bbbbbbbb-env.json").write_text("{}")
    (results / "aaaaaaaa-env.json").unlink()
    assert keep.main(["reference"], clone) == 0
    assert len(git(clone, "rev-list", keep.BRANCH)) == 2
    assert keep.main(["fetch"], clone) == 0
    assert sorted(path.name[0] for path in results.glob("*-env.json")) == ["a", "b"]
    assert (git(clone, "status", "--porcelain"), git(clone, "rev-parse", "HEAD")) == before
    apart = subprocess.run(["git", "merge-base", "HEAD", keep.BRANCH], cwd=clone, capture_output=True, check=False)
    assert apart.returncode == 1


def test_a_machine_without_results_is_refused(clone, capsys):
    assert keep.main(["other"], clone) == 2
    assert capsys.readouterr().err == (
        "keep: machine must be one with results in results/performance/benchmarks (reference); it is 'other'\n"
    )


def test_the_page_loads_nothing_from_elsewhere(tmp_path):
    import asv

    template = Path(asv.__file__).parent / "www" / "index.html"
    page, modules = tmp_path / "html", tmp_path / "modules"
    page.mkdir()
    (page / "index.html").write_text(template.read_text(encoding="utf-8"))
    for file in [*publish.FILES.values(), "bootstrap/dist/fonts/one.woff"]:
        (modules / file).parent.mkdir(parents=True, exist_ok=True)
        (modules / file).write_text(file)
    publish.beside(page, modules)
    text = (page / "index.html").read_text()
    assert not re.search(r'<(script|link)[^>]*(src|href)="(https?:)?//', text)
    assert "integrity" not in text
    for name in re.findall(r'(?:src|href)="(vendor/[^"]+)"', text):
        assert (page / name).exists()


def test_asvs_results_are_where_the_report_looks_for_them(root):
    text = re.sub(r"^\s*//.*$", "", (root / "asv.conf.json").read_text(), flags=re.MULTILINE)
    from reports import performance

    study = Study(root / "results", performance.STUDY)
    assert json.loads(text)["results_dir"] == str(folder(study.results, study.name, performance.KIND).relative_to(root))
