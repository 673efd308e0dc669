"""The README's instructions for newcomers work."""

import importlib.util
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest


def blocks(root, language):
    return re.findall(rf"^```{language}\n(.*?)^```", (root / "README.md").read_text(), re.MULTILINE | re.DOTALL)


def lines(root):
    return [line.strip() for block in blocks(root, "sh") for line in block.splitlines()]


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """Run the README's programs in a folder; return the folder and what each command line printed."""
    folder, root = tmp_path_factory.mktemp("readme"), Path(__file__).parent.parent
    printed = {}
    (module,) = (block for block in blocks(root, "python") if "def df(" in block)
    (folder / "my_module.py").write_text(module)
    # Commands that need the peers are tested by `make test-peers`, those that need a cluster by `make test-cluster`.
    elsewhere = (
        "conformance",
        "which_adam",
        "hydra/launcher=",
        *(() if importlib.util.find_spec("jax") else ("# the derivative by JAX",)),
    )
    for line in lines(root):
        if line.startswith("python ") and not any(word in line for word in elsewhere):
            _, program, *arguments = shlex.split(line, comments=True)
            arguments += ["timing.rounds=2"] if "cost.py" in program else []
            arguments += ["objective=sphere"] if "+study=objective_cost" in arguments else []
            arguments += [f"out={folder / 'out'}"] if "build.py" in program else []
            command = [sys.executable, root / program, *arguments]
            printed[line] = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout
    return folder, printed


def test_its_programs_run(recorded):
    _, printed = recorded
    assert len(printed) >= 6
    assert all(printed.values())


def test_its_python_runs_where_its_programs_ran(root, recorded):
    folder, _ = recorded
    examples = [block for block in blocks(root, "python") if not block.startswith('"""')]
    assert len(examples) == 3
    for example in examples:
        subprocess.run([sys.executable, "-c", example], cwd=folder, check=True, capture_output=True)


def test_its_make_targets_and_asv_commands_exist(root):
    for line in lines(root):
        if line.startswith("make "):
            subprocess.run([*shlex.split(line, comments=True), "--dry-run"], cwd=root, check=True, capture_output=True)
        if line.startswith("asv "):
            run = [sys.executable, "-m", "asv", line.split()[1], "--help"]
            subprocess.run(run, cwd=root, check=True, capture_output=True)


def test_its_new_optimizer_is_two_files_and_passes_the_contract(root, tmp_path):
    kept = shutil.ignore_patterns(".*", "results", "out", "__pycache__")
    shutil.copytree(root, tmp_path / "lab", ignore=kept)
    (leaf,) = (block for block in blocks(root, "python") if block.startswith('"""'))
    (numbers,) = blocks(root, "yaml")
    (tmp_path / "lab/adamlab/optimizers/soft_sign.py").write_text(leaf)
    (tmp_path / "lab/conf/optimizer/soft_sign.yaml").write_text(numbers)
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


def test_its_figure_says_where_it_came_from(root):
    figure = (root / "reports/shown/seed_time.svg").read_text()
    assert re.search(r"<dc:description>adamlab [0-9a-f]{12}, .+</dc:description>", figure)
