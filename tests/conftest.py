"""Contract tests are written once and asked of every leaf in ``conf/``; commands run as a person runs them."""

import ast
import inspect
import os
import subprocess
import sys
import textwrap
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from omegaconf import OmegaConf

from adamlab.compiler.array_access import load
from adamlab.compiler.numpy_semantics import compile_function, in_dtype
from adamlab.compiler.objective_code import ObjectiveCode, exact_functions
from adamlab.compiler.parameters import named_parameters
from adamlab.compiler.run_kernels import kept_on_disk
from adamlab.problems.problem import objective_data
from adamlab.rules.parameters import numbers_of
from experiments.sweeping.configuration import build

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
    """The leaf of one file in conf/objective, for a dim (its own if none is given) and dtype."""

    def make(dim=None, dtype="float64", **changed):
        numbers = node("objective", objective_name) | changed
        return build("objective", numbers, dim=numbers["dim"] if dim is None else dim, dtype=dtype)

    return make


# Operations whose every bit IEEE's arithmetic settles, or which compute nothing; of others each library has its own.
EXACT = {"abs", "sign", "sqrt", "minimum", "maximum", "where", "zeros_like", "empty_like"}


@pytest.fixture
def gradient_is_exact():
    """Whether an objective's gradient consists of operations that give the same bits everywhere."""

    def decide(objective):
        tree = ast.parse(textwrap.dedent(inspect.getsource(objective.gradient)))
        operators = {type(node.op) for node in ast.walk(tree) if isinstance(node, ast.BinOp)}
        called = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
        allowed = {"total", "squared_length", "x.dtype.type", *(f"np.{name}" for name in EXACT)}
        return operators <= {ast.Add, ast.Sub, ast.Mult, ast.Div} and called <= allowed

    return decide


@cache
def _value_and_gradient(cls, dtype):
    """Compile the value and gradient of an objective's class; kept on disk, since several tests use them.

    ``f(numbers, arrays)`` returns both, or ``f(numbers, arrays, values, slopes)`` fills in those of each coordinate if
    the objective is separable.
    """
    (value, gradient), parameters = exact_functions(cls, dtype), named_parameters(cls)

    def of_each(p, arrays, values, slopes):
        named = parameters(in_dtype(p, arrays[0].dtype.type(0)))
        for i in range(slopes.size):
            row = load(arrays, i)
            values[i], slopes[i] = value(named, *row), gradient(named, *row)

    def of_all(p, arrays):
        named = parameters(in_dtype(p, arrays[0].dtype.type(0)))
        return value(named, *arrays), gradient(named, *arrays)

    code = ObjectiveCode(cls.__name__, (cls.__module__,), cls, None, dtype, value, cls.separable, None, None)
    return kept_on_disk(compile_function(of_each if cls.separable else of_all), "tested", code)


@pytest.fixture
def compiled():
    """``f(objective, x)``: value (of each coordinate if separable) and gradient as the numba backend compiles them."""

    def evaluate(objective, x):
        evaluate_both = _value_and_gradient(type(objective), objective.dtype)
        numbers, arrays = numbers_of(objective), (np.array(x), *objective_data(objective))
        if not objective.separable:
            return evaluate_both(numbers, arrays)
        values, slopes = np.empty_like(x), np.empty_like(x)
        evaluate_both(numbers, arrays, values, slopes)
        return values, slopes

    return evaluate


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
