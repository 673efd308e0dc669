"""Fixtures: contract tests run on every leaf in ``conf/``, and commands run as on a user's command line."""

import ast
import inspect
import json
import os
import subprocess
import sys
import tempfile
import textwrap
import threading
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
    """Return the repository's root folder."""
    return ROOT


class Program:
    """A program of the repository that was started in a folder; ``wait`` tells its code, output and errors."""

    def __init__(self, server, folder, program, arguments, environment):
        self._server = server
        self._files = [Path(tempfile.mkstemp(dir=server.folder)[1]) for _ in range(2)]
        settings = {**os.environ, **environment}
        self.pid = server.ask("start", str(ROOT / program), arguments, str(folder), settings, *map(str, self._files))
        self.code = None

    def send_signal(self, number):
        os.kill(self.pid, number)

    def wait(self):
        """Wait until it has ended, and return it."""
        if self.code is None:
            self.code = self._server.ask("wait", self.pid)
            self.out, self.err = (file.read_text() for file in self._files)
        return self


class ProgramServer:
    """A process that has imported what the programs import, and is forked for each (`tests/program_server.py`)."""

    SECONDS = 300

    def __init__(self, folder):
        self.folder = folder
        line = [sys.executable, str(Path(__file__).with_name("program_server.py"))]
        settings = {**os.environ, "PYTHONPATH": str(ROOT)}
        self._process = subprocess.Popen(
            line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=settings, cwd=folder
        )

    def ask(self, *request):
        late = threading.Timer(self.SECONDS, self._process.kill)
        late.start()
        try:
            print(json.dumps(request), file=self._process.stdin, flush=True)
            return int(self._process.stdout.readline())
        finally:
            late.cancel()

    def close(self):
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()


@pytest.fixture(scope="session")
def program_server(tmp_path_factory):
    server = ProgramServer(tmp_path_factory.mktemp("programs"))
    yield server
    server.close()


@pytest.fixture
def start_program(program_server, tmp_path):
    """Start one of the repository's programs in an empty folder, by its path in the repository."""

    def start(program, *arguments, **environment):
        return Program(program_server, tmp_path, program, arguments, environment)

    return start


class Finished:
    """A command that has ended: exit code, standard output and standard error."""

    def __init__(self, process):
        self.code, self.out, self.err = process.returncode, process.stdout, process.stderr


@pytest.fixture
def command(start_program, tmp_path):
    """Run one of the repository's programs in an empty folder, by its path in the repository.

    One that is to find other modules than the others, or that limits the threads of libraries when it imports them, is
    started anew, as a person starts it.
    """

    def run(program, *arguments, **environment):
        if "PYTHONPATH" not in environment and "one_thread" not in (ROOT / program).read_text():
            return start_program(program, *arguments, **environment).wait()
        line = [sys.executable, str(ROOT / program), *arguments]
        settings = {**os.environ, **environment}
        return Finished(subprocess.run(line, cwd=tmp_path, env=settings, capture_output=True, text=True, timeout=300))

    return run
