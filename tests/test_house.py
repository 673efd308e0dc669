"""The project's rules that a program can check."""

import ast
import os
import re
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

# Subpackages of adamlab in order: each may import from itself and from those before it, and from no other.
ROOMS = ("rules", "records", "problems", "leaves", "compiler", "running", "measuring")
LEAVES = ("optimizers", "objectives", "noises", "schedules")
# Modules that the leaves may import; objectives may also import data and random numbers.
UNDER_LEAVES = {
    **{room: {"adamlab.rules"} for room in LEAVES},
    "objectives": {
        "adamlab.rules",
        "adamlab.problems.digits",
        "adamlab.problems.networks",
        "adamlab.problems.random_matrices",
        "adamlab.problems.random_streams",
    },
}
# Packages that the modules of a folder may import; the longest matching path applies.
ALLOWED = {
    "adamlab": {"adamlab"},
    "hydra_plugins": {"hydra", "hydra_plugins", "omegaconf"},
    "experiments": {"adamlab", "experiments", "benchmarks.peers", "hydra", "omegaconf"},
    "reports": {"adamlab.records", "adamlab.rules.symbols", "reports", "matplotlib"},
    "benchmarks": {"adamlab", "benchmarks"},
    "benchmarks/suite": {"adamlab"},
    "benchmarks/peers": {"adamlab", "benchmarks.peers"},
    "docs": {"adamlab"},
}
WATCHED = {"adamlab", "hydra", "hydra_plugins", "omegaconf", "matplotlib", "experiments", "reports", "benchmarks"}


SUPPORTED = "Python 3.11, 3.12 or 3.13 (hydra-core does not run on 3.14 yet)"
LOCKS = [f"requirements{which}.lock" for which in ("", "-test", "-peers", "-cluster", "-docs")]


def imports(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_imports_go_one_way(root):
    wrong = []
    for folder, allowed in ALLOWED.items():
        for path in (root / folder).rglob("*.py"):
            owner = max((f for f in ALLOWED if path.is_relative_to(root / f)), key=len)
            for name in imports(path) if owner == folder else ():
                fits = any(name == a or name.startswith(a + ".") for a in allowed)
                if name.split(".")[0] in WATCHED and not fits:
                    wrong.append(f"{path.relative_to(root)} imports {name}")
    assert wrong == []


def room_of(module):
    """Return the index in ``ROOMS`` of a module's subpackage; None for a module at the root of adamlab."""
    room = module.split(".")[1] if module.count(".") else ""
    return ROOMS.index("leaves" if room in LEAVES else room) if room in (*ROOMS, *LEAVES) else None


def package_modules(root):
    """Return the modules of the package by name."""
    paths = (root / "adamlab").rglob("*.py")
    return {".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__"): path for path in paths}


def test_rooms_import_from_those_before_them_only(root):
    wrong = [
        f"{module} imports {name}"
        for module, path in package_modules(root).items()
        for name in imports(path)
        if name.split(".")[0] == "adamlab" and room_of(module) is not None
        if room_of(name) is None or room_of(name) > room_of(module)
    ]
    assert wrong == []


def test_leaves_import_what_leaves_stand_on_and_never_each_other(root):
    wrong = [
        f"{module} imports {name}"
        for module, path in package_modules(root).items()
        if module.count(".") and (room := module.split(".")[1]) in LEAVES
        for name in imports(path)
        if name.split(".")[0] == "adamlab" and not any(f"{name}.".startswith(f"{a}.") for a in UNDER_LEAVES[room])
    ]
    assert wrong == []


def test_no_imports_go_in_a_circle(root):
    modules = package_modules(root)
    below = {
        module: {name if name in modules else name.rpartition(".")[0] for name in imports(path)} & set(modules)
        for module, path in modules.items()
    }
    while free := {module for module, names in below.items() if not names}:
        below = {module: names - free for module, names in below.items() if module not in free}
    assert below == {}


def test_what_stands_at_the_root_of_the_package_only_names_what_is_defined_in_its_rooms(root):
    for path in (root / "adamlab").glob("*.py"):
        kinds = {type(node) for node in ast.parse(path.read_text()).body}
        assert path.stem == "__init__" or kinds <= {ast.Expr, ast.ImportFrom, ast.Assign}, path


def test_only_the_compiler_the_floor_and_the_peers_know_numba(root):
    allowed = ("adamlab/compiler/", "adamlab/measuring/floor.py", "benchmarks/peers/")
    wrong = [
        str(path.relative_to(root))
        for folder in ("adamlab", "experiments", "reports", "hydra_plugins", "benchmarks")
        for path in (root / folder).rglob("*.py")
        if any(name.split(".")[0] in ("numba", "llvmlite") for name in imports(path))
    ]
    assert [path for path in wrong if not path.startswith(allowed)] == []


def test_running_writes_no_records(root):
    for path in (root / "adamlab" / "running").glob("*.py"):
        records = [name for name in imports(path) if name.startswith("adamlab.records")]
        assert all(f"{name}.".startswith("adamlab.records.schema.") for name in records), path


@pytest.mark.parametrize("group", ["optimizer", "objective", "noise", "schedule"])
def test_every_leaf_has_its_configuration_and_the_other_way_round(root, group):
    leaves = {path.stem for path in (root / "adamlab" / f"{group}s").rglob("*.py")} - {"__init__"}
    # The configuration ``none`` of the group noise has no leaf.
    assert leaves | ({"none"} if group == "noise" else set()) == {
        path.stem for path in (root / "conf" / group).glob("*.yaml")
    }


@pytest.mark.parametrize("name", LOCKS)
def test_the_lock_names_versions_and_hashes_and_no_host(root, name):
    text = (root / name).read_text()
    assert not re.search(r"https?:|file:|index-url|find-links", text)
    packages = re.findall(r"^[a-z0-9][\w.-]*==.*(?:\n    --hash=sha256:[0-9a-f]{64}.*)+", text, re.MULTILINE)
    assert len(packages) == len(re.findall(r"^\S+==", text, re.MULTILINE)) > 10


def test_the_test_lock_only_adds_to_the_core_lock(root):
    core, more = (
        set(re.findall(r"^\S+==\S+", (root / name).read_text(), re.MULTILINE))
        for name in ("requirements.lock", "requirements-test.lock")
    )
    assert core < more


def test_asv_can_find_the_benchmarks_of_a_checkout(root):
    line = [
        sys.executable,
        "-m",
        "asv",
        "check",
        "--environment",
        "existing:same",
        "--config",
        str(root / "asv.conf.json"),
    ]
    done = subprocess.run(line, cwd=root, capture_output=True, text=True, check=False)
    assert "No problems found" in done.stdout + done.stderr


@pytest.fixture
def makefile(root, tmp_path):
    """Return a function that runs a copy of the Makefile, alone in a folder, with a given Python."""
    (tmp_path / "Makefile").write_text((root / "Makefile").read_text())
    for name in ("requirements.lock", "pyproject.toml"):
        (tmp_path / name).touch()

    def run(python):
        line = ["make", "--silent", "reproduce", f"PYTHON={python}"]
        return subprocess.run(line, cwd=tmp_path, capture_output=True, text=True, check=False)

    return run


def test_an_unsupported_python_is_refused_in_one_line(makefile, tmp_path):
    old = tmp_path / "oldpython"
    old.write_text('#!/bin/sh\ncase "$*" in *platform*) echo 3.9.18;; *) exit 1;; esac\n')
    old.chmod(old.stat().st_mode | stat.S_IXUSR)
    done = makefile(f"./{old.name}")
    assert done.returncode == 2
    message = f"adamlab: needs {SUPPORTED}; ./oldpython is 3.9.18 (set PYTHON=...)"
    assert done.stderr.splitlines()[0] == message


def test_a_missing_python_is_refused_in_one_line(makefile):
    done = makefile("no-such-python")
    assert done.returncode == 2
    message = f"adamlab: needs {SUPPORTED}; there is no no-such-python here (set PYTHON=...)"
    assert done.stderr.splitlines()[0] == message


def test_a_folder_that_cannot_be_written_is_refused_in_one_line(root):
    # Root may write anywhere. As root, the test therefore runs as the user nobody, who needs access to the folder.
    who = {"user": "nobody"} if os.geteuid() == 0 else {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for file in ("Makefile", "requirements.lock", "pyproject.toml"):
            (folder / file).write_text((root / file).read_text())
        (folder / "python").write_text("#!/bin/sh\nexit 0\n")
        (folder / "python").chmod(0o755)
        folder.chmod(0o555)
        line = ["make", "--silent", "reproduce", "PYTHON=./python"]
        done = subprocess.run(line, cwd=folder, capture_output=True, text=True, check=False, **who)
        folder.chmod(0o755)
    assert done.returncode == 2
    assert done.stderr.splitlines()[0] == f"adamlab: needs to write into {folder}, which is not writable"
