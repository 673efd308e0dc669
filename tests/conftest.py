"""Fixtures: contract tests run on every leaf in ``conf/``, and commands run as on a user's command line."""

import ast
import inspect
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from experiments.sweeping.configuration import build

ROOT = Path(__file__).parent.parent
# A file that contains ??? needs a value from the user, so it cannot be tested alone.
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
    """Return the optimizer of one file in conf/optimizer, with its hyperparameters."""
    return build("optimizer", node("optimizer", optimizer_name))


@pytest.fixture
def make_objective(objective_name):
    """Return a function that makes the objective of one file in conf/objective, for a dim and a dtype."""

    def make(dim=None, dtype="float64", **changed):
        numbers = node("objective", objective_name) | changed
        return build("objective", numbers, dim=numbers["dim"] if dim is None else dim, dtype=dtype)

    return make


# Operations that compute nothing, or whose every bit IEEE 754 defines; other functions differ between libraries.
EXACT = {"abs", "sign", "sqrt", "minimum", "maximum", "where", "zeros_like", "empty_like"}


@pytest.fixture
def gradient_is_exact():
    """Return a function that tells whether a gradient consists of operations with the same bits everywhere."""

    def decide(objective):
        tree = ast.parse(textwrap.dedent(inspect.getsource(objective.gradient)))
        operators = {type(node.op) for node in ast.walk(tree) if isinstance(node, ast.BinOp)}
        called = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
        allowed = {"total", "squared_length", "x.dtype.type", *(f"np.{name}" for name in EXACT)}
        return operators <= {ast.Add, ast.Sub, ast.Mult, ast.Div} and called <= allowed

    return decide


@pytest.fixture
def root():
    """Return the repository's root folder."""
    return ROOT


class Finished:
    """A command that has ended: exit code, standard output and standard error."""

    def __init__(self, process):
        self.code, self.out, self.err = process.returncode, process.stdout, process.stderr


@pytest.fixture
def command(tmp_path):
    """Return a function that runs a program, given by its path in the repository, in an empty folder."""

    def run(program, *arguments, **environment):
        line = [sys.executable, str(ROOT / program), *arguments]
        settings = {**os.environ, **environment}
        return Finished(subprocess.run(line, cwd=tmp_path, env=settings, capture_output=True, text=True, timeout=300))

    return run
