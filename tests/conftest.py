"""Fixtures: contract tests run on every leaf in ``conf/``, and commands run as on a user's command line."""

import ast
import gc
import inspect
import json
import os
import subprocess
import sys
import tempfile
import textwrap
import threading
from functools import cache, partial
from pathlib import Path

import numpy as np
import pytest
from omegaconf import OmegaConf
from xdist.scheduler import LoadFileScheduling

from adamlab.compiler.array_access import load
from adamlab.compiler.numpy_semantics import compile_function, compile_part, in_dtype, in_numba
from adamlab.compiler.objective_code import ObjectiveCode
from adamlab.compiler.objective_parts import exact_functions
from adamlab.compiler.parameters import named_parameters
from adamlab.compiler.run_kernels import kept_on_disk
from adamlab.problems.problem import objective_data
from adamlab.rules.parameters import numbers_of
from experiments.sweeping.configuration import build

ROOT = Path(__file__).parent.parent
# Numba and Hydra make millions of objects that stay; looking for garbage among them took a tenth of the tests' time.
gc.set_threshold(50_000, 20, 100)
# A file that contains ??? needs a value from the user, so it cannot be tested alone.
NAMES = {
    group: sorted(path.stem for path in (ROOT / "conf" / group).glob("*.yaml") if "???" not in path.read_text())
    for group in ("optimizer", "objective", "noise", "schedule")
}


# Fixtures that start programs, or that have Hydra compose hundreds of configurations.
SLOW_FIXTURES = {"programs", "composer", "checkout", "makefile"}


def pytest_addoption(parser):
    parser.addoption("--fast", action="store_true", help="leave out the tests that start processes or that use Hydra")


def pytest_collection_modifyitems(config, items):
    def is_slow(item):
        return SLOW_FIXTURES & set(item.fixturenames) or "subprocess." in inspect.getsource(item.function)

    if config.getoption("--fast"):
        left_out = {item for item in items if is_slow(item)}
        config.hook.pytest_deselected(items=list(left_out))
        items[:] = [item for item in items if item not in left_out]


# Tests that compile the same rules, or the same gradients; the parts of a kernel are compiled once in a process.
BITS = "tests/test_bits.py::test_a_whole_run"
SAME_PARTS = {
    "optimizers": (
        "tests/test_optimizers.py",
        "tests/test_bits.py::test_extreme_gradients",
        f"{BITS}_of_any_optimizer",
    ),
    "objectives": ("tests/test_objectives.py", "tests/test_learning_problems.py", f"{BITS}_on_any_objective"),
    "runs": tuple(
        f"tests/test_{name}.py" for name in ("many", "minimize", "noise", "sampled_runs", "schedules", "stopping")
    ),
}


class SamePartsTogether(LoadFileScheduling):
    """Give the tests of a file to one process, and with them those of other files that compile the same parts."""

    def _split_scope(self, nodeid):
        for group, begins in SAME_PARTS.items():
            if nodeid.startswith(begins):
                return group
        return super()._split_scope(nodeid)


def pytest_xdist_make_scheduler(config, log):
    return SamePartsTogether(config, log)


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


@cache
def _sampled_gradient(cls, dtype):
    """Compile the sampled gradient of an objective's class, ``f(numbers, x, t, draw, data)``; kept on disk."""
    sampled, parameters = compile_part(in_numba(cls.sampled_gradient, dtype)), named_parameters(cls)

    def of_sample(p, x, t, draw, data):
        return sampled(parameters(in_dtype(p, x.dtype.type(0))), x, t, draw, *data)

    code = ObjectiveCode(cls.__name__, (cls.__module__,), cls, None, dtype, sampled, False, None, None)
    return kept_on_disk(compile_function(of_sample), "tested-sample", code)


@pytest.fixture
def compiled_sample():
    """``f(objective, x, t, draw)``: the sampled gradient as the numba backend compiles it."""

    def evaluate(objective, x, t, draw):
        kernel = _sampled_gradient(type(objective), objective.dtype)
        return kernel(numbers_of(objective), x, t, draw, objective_data(objective))

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
    """A process that has imported what some programs import, and is forked for each (`tests/program_server.py`)."""

    SECONDS = 300

    def __init__(self, folder, modules):
        self.folder = folder
        line = [sys.executable, str(Path(__file__).with_name("program_server.py")), *modules]
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


# What the programs import. Those of the second kind limit the threads of libraries when these are imported.
IMPORTED = {
    "any threads": ("joblib", "numba", "experiments.converge", "experiments.merge", "reports.build"),
    "one thread": ("experiments.cost", "experiments.conformance", "numba"),
}


class Programs:
    """The programs of the repository, by their paths in it."""

    def __init__(self, folder):
        self._folder, self._servers = folder, {}

    def start(self, folder, program, *arguments, **environment):
        """Start a program in a folder; what is added to its environment must not count when it imports libraries."""
        kind = "one thread" if "one_thread" in (ROOT / program).read_text() else "any threads"
        if kind not in self._servers:
            self._servers[kind] = ProgramServer(self._folder, IMPORTED[kind])
        return Program(self._servers[kind], folder, program, arguments, environment)

    def run(self, folder, program, *arguments):
        """Run a program that must succeed; return what it printed."""
        done = self.start(folder, program, *arguments).wait()
        assert done.code == 0, done.err
        return done.out

    def close(self):
        for server in self._servers.values():
            server.close()


@pytest.fixture(scope="session")
def programs(tmp_path_factory):
    """Return the programs of the repository, to be run in any folder."""
    all_programs = Programs(tmp_path_factory.mktemp("programs"))
    yield all_programs
    all_programs.close()


@pytest.fixture
def start_program(programs, tmp_path):
    """Return a function that starts a program, given by its path in the repository, in an empty folder."""
    return partial(programs.start, tmp_path)


class Finished:
    """A command that has ended: exit code, standard output and standard error."""

    def __init__(self, process):
        self.code, self.out, self.err = process.returncode, process.stdout, process.stderr


@pytest.fixture
def command(start_program, tmp_path):
    """Return a function that runs a program, given by its path in the repository, in an empty folder.

    A program that is to find other modules than the others do is started anew, as a person starts it.
    """

    def run(program, *arguments, **environment):
        if "PYTHONPATH" not in environment:
            return start_program(program, *arguments, **environment).wait()
        line = [sys.executable, str(ROOT / program), *arguments]
        settings = {**os.environ, **environment}
        return Finished(subprocess.run(line, cwd=tmp_path, env=settings, capture_output=True, text=True, timeout=300))

    return run
