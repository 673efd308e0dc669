"""Contract tests are written once and asked of every leaf in ``conf/``; commands run as a person runs them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from experiments.configuration import build

ROOT = Path(__file__).parent.parent
# A file with ??? in it waits for a value of the user's.
NAMES = {
    group: sorted(path.stem for path in (ROOT / "conf" / group).glob("*.yaml") if "???" not in path.read_text())
    for group in ("optimizer", "objective", "noise", "schedule")
}


def pytest_generate_tests(metafunc):
    for group, names in NAMES.items():
        if f"{group}_name" in metafunc.fixturenames:
            metafunc.parametrize(f"{group}_name", names)
    if "dtype" in metafunc.fixturenames:
        metafunc.parametrize("dtype", ["float64", "float32"])


def node(group, name):
    return OmegaConf.to_container(OmegaConf.load(ROOT / "conf" / group / f"{name}.yaml"))


@pytest.fixture
def optimizer(optimizer_name):
    """The leaf of one file in conf/optimizer, with its numbers."""
    return build("optimizer", node("optimizer", optimizer_name))


@pytest.fixture
def make_objective(objective_name):
    """The leaf of one file in conf/objective, for a dim and dtype."""

    def make(dim, dtype="float64", **changed):
        return build("objective", node("objective", objective_name) | changed, dim=dim, dtype=dtype)

    return make


@pytest.fixture
def root():
    """The repository's folder."""
    return ROOT


class Finished:
    """A command that has ended."""

    def __init__(self, process):
        self.code, self.out, self.err = process.returncode, process.stdout, process.stderr


@pytest.fixture
def command(tmp_path):
    """Run one of the lab's programs in an empty folder, by its path in the repository."""

    def run(program, *arguments, **environment):
        line = [sys.executable, str(ROOT / program), *arguments]
        settings = {**os.environ, **environment}
        return Finished(subprocess.run(line, cwd=tmp_path, env=settings, capture_output=True, text=True, timeout=300))

    return run
