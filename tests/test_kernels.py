"""Compiled kernels are loaded by the next process and are never stale."""

import os
import shutil
import subprocess
import sys
import time
from types import SimpleNamespace

import numpy as np
import pytest

from adamlab.compiler import disk_cache
from adamlab.compiler.disk_cache import _DiskCache
from adamlab.compiler.numpy_semantics import compile_function, in_numba
from adamlab.records.fingerprint import fingerprint

PROGRAM = """
import numpy as np
from adamlab.compiler.objective_code import code_of
from adamlab.compiler.run_kernels import advance_kernel
from adamlab.objectives.sphere import Sphere
from adamlab.optimizers.sgd import SGD
from adamlab.problems.problem import Problem
from adamlab.rules.stopping import Stopping
from adamlab.running.backends import stepper
from adamlab.schedules.constant import Constant
problem = Problem(Sphere(dim=2, x0=1.0))
run = stepper("numba", SGD(lr=0.25), problem, np.ones(2))
run.advance(1, Stopping())
kernel = advance_kernel(SGD, Constant, code_of(problem), False)
print(run.theta[0], len(kernel.stats.cache_hits))
"""


@pytest.fixture
def checkout(tmp_path, root):
    """Return an editable copy of the package with its kernels beside it; calling it runs PROGRAM."""
    shutil.copytree(root / "adamlab", tmp_path / "adamlab", ignore=shutil.ignore_patterns("__pycache__"))

    class Checkout:
        folder = tmp_path / "adamlab"
        kernels = tmp_path / "kernels"

        def __call__(self):
            return self.together(1)[0]

        def together(self, processes):
            """Return the results of several processes that start at the same time."""
            settings = {**os.environ, "ADAMLAB_CACHE": str(self.kernels), "PYTHONPATH": str(tmp_path)}
            line = [sys.executable, "-P", "-c", PROGRAM]
            started = [
                subprocess.Popen(line, env=settings, cwd=tmp_path, stdout=subprocess.PIPE, text=True)
                for _ in range(processes)
            ]
            told = [process.communicate()[0].split() for process in started]
            assert not any(process.returncode for process in started)
            return [(float(theta), int(loaded)) for theta, loaded in told]

        def edit(self, file, old, new):
            path = self.folder / file
            assert old in path.read_text()
            path.write_text(path.read_text().replace(old, new))

    return Checkout()


def test_a_second_process_loads_and_an_edit_of_a_leaf_compiles_anew(checkout):
    assert checkout() == (0.5, 0)
    assert checkout() == (0.5, 1)
    checkout.edit("optimizers/sgd.py", "theta - c.lr * g", "theta + c.lr * g")
    assert checkout() == (1.5, 0)
    checkout.edit("objectives/sphere.py", "return x + x", "return x + x + x")
    assert checkout() == (1.75, 0)
    checkout.edit("compiler/array_access.py", "value = builder.load(_element", "value =  builder.load(_element")
    assert checkout() == (1.75, 0)
    checkout.edit("optimizers/adam.py", "m_hat", "corrected_m")
    assert checkout() == (1.75, 1)


def test_processes_that_start_together_compile_a_kernel_once(checkout):
    results = checkout.together(3)
    assert sorted(results) == [(0.5, 0), (0.5, 1), (0.5, 1)]
    files = {path.suffix for path in checkout.kernels.rglob("*.*")}
    assert files == {".kernel"}


def claimed(folder):
    """Return a context that claims the kernel of a signature in a folder, without the compiler."""
    cache = _DiskCache(third, "third", folder)
    cache._file = lambda *_: folder / "third.kernel"
    return cache.claim((), SimpleNamespace(codegen=lambda: None))


def test_a_lock_ends_with_its_holder_and_is_not_waited_for_without_end(tmp_path, monkeypatch):
    holder = (
        "import fcntl, os, sys, time; "
        "fcntl.flock(os.open(sys.argv[1], os.O_RDWR | os.O_CREAT), fcntl.LOCK_EX); print(flush=True); time.sleep(60)"
    )
    line = [sys.executable, "-c", holder, str(tmp_path / "third.lock")]
    with subprocess.Popen(line, stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        monkeypatch.setattr(disk_cache, "PATIENCE_SECONDS", 0.1)
        begun = time.monotonic()
        with claimed(tmp_path):
            assert time.monotonic() >= begun + 0.1
        assert (tmp_path / "third.lock").exists()
        process.kill()
    with subprocess.Popen(line, stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        monkeypatch.setattr(disk_cache, "PATIENCE_SECONDS", 1e9)
        process.kill()
        with claimed(tmp_path):
            assert list(tmp_path.iterdir()) == [tmp_path / "third.lock"]
    assert not list(tmp_path.iterdir())


def test_a_damaged_kernel_file_is_compiled_anew(checkout):
    checkout()
    for damage in (lambda content: content[:100], lambda content: content[:-9] + b"!" + content[-8:]):
        for file in checkout.kernels.rglob("*.kernel"):
            file.write_bytes(damage(file.read_bytes()))
        assert checkout() == (0.5, 0)
        assert checkout() == (0.5, 1)


def test_old_kernels_are_forgotten_and_nothing_else_is_touched(checkout):
    stale, kept = checkout.kernels / "kernels" / ("0" * 20), checkout.kernels / "thesis"
    for folder in (stale, kept):
        folder.mkdir(parents=True)
    (stale / "old.kernel").touch()
    (kept / "thesis.tex").touch()
    for path in (stale, kept, kept / "thesis.tex"):
        os.utime(path, (0, 0))
    checkout()
    assert not stale.exists()
    assert (kept / "thesis.tex").exists()


def test_a_folder_that_cannot_be_written_costs_the_compilation_only(checkout):
    checkout.kernels.write_text("a file where the folder should be")
    assert checkout() == (0.5, 0)


def test_a_fingerprint_follows_imports_and_nothing_else():
    leaf = "adamlab.optimizers.adam"
    assert fingerprint(leaf) == fingerprint("adamlab.rules.symbols", leaf)
    assert fingerprint(leaf) != fingerprint("adamlab.optimizers.sgd")
    assert fingerprint(leaf) != fingerprint(leaf, "adamlab.rules.reduction")


def third(x):
    return x * 0.1


def clamp(x):
    return np.where(x > 1.0, 1.0, x)


def test_a_literal_takes_the_dtype_beside_it_as_in_numpy():
    x = np.float32(3)
    compiled = compile_function(in_numba(third, "float32"))
    assert compiled(x) == third(np.array([x]))[0]
    assert isinstance(compiled.overloads[compiled.signatures[0]].signature.return_type.bitwidth, int)
    assert compiled.overloads[compiled.signatures[0]].signature.return_type.bitwidth == 32


def test_a_choice_between_numbers_is_a_number_and_between_arrays_an_array():
    compiled = compile_function(in_numba(clamp))
    assert compiled(3.0) == 1.0
    assert compiled(np.array([0.5, 2.0])).tolist() == [0.5, 1.0]


def inverse(x):
    return (0.1 * x).copy()


def test_a_literal_inside_a_call_takes_the_dtype_too():
    x = np.ones(2, np.float32)
    assert compile_function(in_numba(inverse, "float32"))(x).dtype == np.float32


def larger(x, y):
    return np.maximum(x, y)


def smaller(x, y):
    return np.minimum(x, y)


def sign(x, y):
    return np.sign(x + y)


@pytest.mark.parametrize("function", [larger, smaller, sign])
def test_what_stands_for_numpys_functions_of_numbers_is_theirs_but_for_the_sign_of_a_zero(function, dtype):
    numbers = np.array([0.0, -0.0, 1e-310, 1e-45, -1.0, 1.5, np.inf, -np.inf, np.nan], dtype)
    compiled = compile_function(in_numba(function, dtype))
    for x in numbers:
        with np.errstate(invalid="ignore"):
            expected = function(np.full(numbers.size, x), numbers)
        found = np.array([compiled(x, y) for y in numbers], dtype)
        np.testing.assert_array_equal(found, expected)
        if function is sign:
            assert not np.signbit(found[found == 0]).any()
        assert np.array_equal(compiled(np.full(numbers.size, x), numbers), expected, equal_nan=True)


def _sign(x):
    return x / (np.abs(x) + 1.0)


def soft_sign(x):
    return _sign(x)


def test_a_rules_own_function_may_have_the_name_of_one_of_numpys():
    assert compile_function(in_numba(soft_sign))(3.0) == 0.75
