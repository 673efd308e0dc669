"""What the README and the documentation tell a reader to do works, and their links lead somewhere."""

import importlib.util
import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *(path for path in sorted(DOCS.rglob("*.md")) if "_build" not in path.parts)]
# A block after "... `my_module.py`:" is that file; others are typed.
BLOCK = re.compile(r"^(?:.*`(?P<file>[\w/]+\.\w+)`:\n\n)?```(?P<language>\w+)\n(?P<text>(?:.*\n)*?)```$", re.MULTILINE)
LINK = re.compile(r"\]\((?!https?:|mailto:)([^)\s]*)\)")
TOCTREE = re.compile(r"^```\{toctree\}\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# What needs the peers is for `make test-peers`, and what needs a cluster for `make test-cluster`.
ELSEWHERE = ("conformance", "which_adam", "hydra/launcher=", "study=performance")


@dataclass(frozen=True)
class Block:
    """A fenced block of a page: its language, its text, and the file it is, if any."""

    language: str
    text: str
    file: str


def blocks(page):
    return [Block(found["language"], found["text"], found["file"] or "") for found in BLOCK.finditer(page.read_text())]


def typed(page):
    """The lines of a page that are typed into a shell."""
    return [line.strip() for block in blocks(page) if block.language == "sh" for line in block.text.splitlines()]


def examples(page):
    """The examples in Python of a page, in order: each may use what those before it have made."""
    return [block.text for block in blocks(page) if block.language == "python" and not block.file]


ALL_TYPED = list(dict.fromkeys(line for page in PAGES for line in typed(page)))


def here(line):
    """Whether a line is a program of the lab that runs with what `make test` installs."""
    left_out = (*ELSEWHERE, *(() if importlib.util.find_spec("jax") else ("# the derivative by JAX",)))
    return (
        line.startswith("python ") and not line.startswith("python benchmarks") and not any(w in line for w in left_out)
    )


@pytest.fixture(scope="module")
def recorded(tmp_path_factory, programs):
    """A folder in which the programs of all pages have run, in their order and each once, and what they printed."""
    folder, printed = tmp_path_factory.mktemp("docs"), {}
    (module,) = (block for page in PAGES for block in blocks(page) if block.file == "my_module.py")
    (folder / module.file).write_text(module.text)
    for line in filter(here, ALL_TYPED):
        _, program, *arguments = shlex.split(line, comments=True)
        arguments += ["timing.rounds=2"] if "cost.py" in program else []
        arguments += ["objective=sphere"] if "+study=objective_cost" in arguments else []
        arguments += ["backend=numpy,numba"] if "+study=seed" in arguments else []
        arguments += [f"out={folder / 'out'}"] if "build.py" in program else []
        printed[line] = programs.run(folder, program, *arguments)
    return folder, printed


def test_their_programs_run(recorded):
    _, printed = recorded
    assert len(printed) >= 15
    assert all(printed.values())


WITH_PYTHON = [page for page in PAGES if examples(page)]


@pytest.mark.parametrize("page", WITH_PYTHON, ids=lambda page: page.stem)
def test_their_python_runs_where_their_programs_ran(page, recorded):
    folder, _ = recorded
    missing = [name for name in ("pandas", "duckdb") if not importlib.util.find_spec(name)]
    run = [text for text in examples(page) if not any(f"import {name}" in text for name in missing)]
    subprocess.run([sys.executable, "-c", "\n".join(run)], cwd=folder, check=True, capture_output=True)


def test_examples_in_python_are_found():
    assert {page.stem for page in WITH_PYTHON} >= {"README", "index", "library", "records"}


def test_their_make_targets_and_asv_commands_exist(root):
    targets = [line for line in ALL_TYPED if line.startswith("make ")]
    commands = {line.split()[1] for line in ALL_TYPED if line.startswith("asv ")}
    assert len(targets) >= 6
    assert len(commands) >= 8
    for line in targets:
        subprocess.run([*shlex.split(line, comments=True), "--dry-run"], cwd=root, check=True, capture_output=True)
    for command in commands:
        run = [sys.executable, "-m", "asv", command, "--help"]
        subprocess.run(run, cwd=root, check=True, capture_output=True)


def test_the_new_optimizer_is_two_files_and_passes_the_contract(root, tmp_path):
    kept = shutil.ignore_patterns(".*", "results", "out", "__pycache__", "_build")
    shutil.copytree(root, tmp_path / "lab", ignore=kept)
    files = [block for block in blocks(DOCS / "guide" / "adding_a_method.md") if block.file]
    assert [block.file for block in files] == ["adamlab/optimizers/soft_sign.py", "conf/optimizer/soft_sign.yaml"]
    for block in files:
        assert not (root / block.file).exists()
        (tmp_path / "lab" / block.file).write_text(block.text)
    contract = [
        "tests/test_optimizers.py",
        "tests/test_bits.py",
        "tests/test_house.py::test_every_leaf_has_its_configuration_and_the_other_way_round",
    ]
    line = [sys.executable, "-P", "-m", "pytest", "-n0", "-k", "soft_sign or optimizer]", *contract]
    settings = {**os.environ, "PYTHONPATH": str(tmp_path / "lab")}
    done = subprocess.run(line, cwd=tmp_path / "lab", capture_output=True, text=True, check=False, env=settings)
    assert done.returncode == 0, done.stdout
    assert " passed" in done.stdout


@pytest.mark.parametrize("figure", ["seed_time", "first_sweep"])
def test_a_shown_figure_says_where_it_came_from(root, figure):
    drawn = (root / f"reports/shown/{figure}.svg").read_text()
    assert re.search(r"<dc:description>adamlab [0-9a-f]{12}, .+</dc:description>", drawn)
    assert f"reports/shown/{figure}.svg" in (root / "README.md").read_text()


def test_the_readme_is_short(root):
    assert len((root / "README.md").read_text().splitlines()) <= 150


def headings(page):
    """The anchors of a page's headings, as GitHub and MyST make them."""
    titles = re.findall(
        r"^#+ (.+)$", re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL), re.M
    )
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def links(page):
    """The files and anchors that a page links to."""
    for target in LINK.findall(page.read_text()):
        name, _, anchor = target.partition("#")
        yield (page.parent / name).resolve() if name else page, anchor


@pytest.mark.parametrize(
    "page", [*PAGES, ROOT / "CONTRIBUTING.md", ROOT / "benchmarks" / "README.md"], ids=lambda page: page.name
)
def test_every_link_leads_somewhere(page):
    for path, anchor in links(page):
        assert path.exists(), path
        assert not anchor or anchor in headings(path), f"{path}#{anchor}"


def test_every_page_is_reached_from_the_index():
    reached, waiting = set(), [DOCS / "index.md"]
    while waiting:
        page = waiting.pop()
        if page not in reached:
            reached.add(page)
            entries = " ".join(TOCTREE.findall(page.read_text())).split()
            named = [(page.parent / f"{entry}.md").resolve() for entry in entries if not entry.startswith(":")]
            waiting += [path for path in named if path.exists()]
    assert reached == set(PAGES[1:])
