"""A user's own objective, from a module of their own, with or without a gradient."""

import importlib.util

import numpy as np
import polars as pl
import pytest

from adamlab.optimizers.adam import Adam
from adamlab.optimizers.sgd import SGD
from adamlab.rules.symbols import ConfigurationError
from adamlab.running.minimize import minimize

PROGRAM = "experiments/converge.py"
MODULE = """
import numpy as np
from scales import SCALE

def f(x):
    return np.sum(np.cosh(SCALE * x))

def df(x):
    return SCALE * np.sinh(SCALE * x)

def whole(x):
    return SCALE * np.sinh(SCALE * x[:])

def called(x):
    return np.array([float(eval("2 * np.sinh(2 * v)")) for v in x])

def short(x):
    return x[:1]

def broken(x):
    raise ValueError("no such luck")

def nan(x):
    return np.nan

def nans(x):
    return np.nan * x

def kinked(x):
    return np.sum(np.where(x > 0, x, x))[None]
"""
HAS_JAX = importlib.util.find_spec("jax") is not None


@pytest.fixture
def run(command, tmp_path):
    """Return a function that runs the program on functions of MODULE."""
    (tmp_path / "my_module.py").write_text(MODULE)
    (tmp_path / "scales.py").write_text("SCALE = 2.0")

    def run(value="my_module:f", gradient="my_module:df", *more, **environment):
        names = [f"objective.{k}={v}" for k, v in (("value", value), ("gradient", gradient)) if v]
        return command(PROGRAM, "objective=custom", *names, "n_steps=50", *more, **environment)

    return run


def records(folder):
    return pl.read_parquet(folder / "results" / "default" / "runs" / "*.parquet")


def test_two_functions_of_a_module_are_an_objective(run, tmp_path):
    done = run("my_module:f", "my_module:df", "dim=3", "objective.x0=0.5", "optimizer.lr=0.1")
    assert (done.code, done.err) == (0, "")
    row = records(tmp_path).row(0, named=True)
    keys = {"objective": "custom", "objective.value": "my_module:f", "objective.gradient": "my_module:df", "dim": 3}
    assert {name: row[name] for name in keys} == keys
    adam = Adam(lr=0.1, beta1=0.9, beta2=0.999, eps=1e-8)
    pair = (lambda x: np.sum(np.cosh(2.0 * x)), lambda x: 2.0 * np.sinh(2.0 * x))
    assert row["loss"] == pytest.approx(minimize(pair, adam, theta0=np.full(3, 0.5), n_steps=50, tol=1e-6).loss)


def test_a_gradient_that_numba_cannot_compile_is_called_and_that_is_said_once(run, tmp_path):
    done = run("my_module:f", "my_module:called")
    assert done.code == 0
    assert done.err.count("is called at each step, because Numba cannot compile it") == 1
    assert run().code == 0
    losses = records(tmp_path)["loss"]
    assert losses.max() == pytest.approx(losses.min(), rel=1e-12)


def test_an_edit_of_a_module_that_the_users_imports_makes_its_runs_new(run, tmp_path):
    assert "1 run, 0 recorded" in run().out
    assert "0 run, 1 recorded" in run().out
    (tmp_path / "scales.py").write_text("SCALE = 3.0")
    assert "1 run, 0 recorded" in run().out
    assert records(tmp_path)["loss"].n_unique() == 2


def test_a_compiled_function_is_loaded_by_the_next_process_and_never_stale(run, tmp_path):
    cache = tmp_path / "cache"

    def kernels(seed):
        assert run("my_module:f", "my_module:whole", f"seed={seed}", ADAMLAB_CACHE=str(cache)).code == 0
        return set(cache.rglob("advance*whole*.kernel"))

    first = kernels(0)
    assert kernels(1) == first
    assert len(first) == 1
    (tmp_path / "my_module.py").write_text(MODULE.replace("np.sinh(SCALE * x[:])", "np.sinh(2.5 * x[:])"))
    assert len(kernels(2)) == 2


REFUSED = {
    (
        "my_module:f",
        "my_module:short",
    ): "gradient(theta) must be an array of theta's shape (2,); it is an array of float64, shape (1,)",
    (
        "my_module:broken",
        "my_module:df",
    ): "value(theta) must have a value at the start; it raises ValueError: no such luck",
    ("my_module:f", "my_module:broken"): "gradient(theta) must have a value at the start; "
    "it raises ValueError: no such luck",
    ("my_module:nan", "my_module:df"): "value(theta) must be finite at the start; it is nan",
    ("my_module:f", "my_module:nans"): "gradient(theta) must be finite at the start; it has nan",
    ("my_module:f", "no_such_module:df"): "gradient must lie in a module that can be imported; no_such_module gives "
    "ModuleNotFoundError: No module named 'no_such_module'",
    ("my_module:f", "my_module:g"): "gradient must name a function of my_module; there is no g",
    ("my_module.f", "my_module:df"): "value must be module:function, such as my_module:f; it is 'my_module.f'",
    ("my_module:df", "my_module:df"): "value(theta) must be a number; it is an array of float64, shape (2,)",
}


@pytest.mark.parametrize("functions", REFUSED)
def test_a_function_that_is_not_as_it_should_be_is_refused_in_one_sentence(run, tmp_path, functions):
    done = run(*functions)
    assert (done.code, done.out) == (2, "")
    assert done.err == f"Custom: {REFUSED[functions]}\n"
    assert not list(tmp_path.rglob("*.parquet"))


@pytest.mark.skipif(HAS_JAX, reason="JAX is installed")
def test_without_jax_a_missing_gradient_is_refused_with_what_to_install(run):
    done = run("my_module:f", None)
    sentence = (
        "Custom: gradient must be given, because JAX is not installed (pip install 'adamlab[autodiff]'); it is none\n"
    )
    assert (done.code, done.err) == (2, sentence)


def logsumexp(x):
    return np.log(np.sum(np.exp(x - 1.0))) + 0.5 * np.sum(x * x)


def hidden_array(x):
    return float(np.asarray(x) @ np.asarray(x))


@pytest.mark.skipif(not HAS_JAX, reason="JAX is not installed (make test-peers installs it)")
class TestAutomaticDifferentiation:
    """With JAX, a value function without a gradient is enough."""

    def test_the_derivative_is_exact(self):
        def gradient(x):
            weights = np.exp(x - 1.0)
            return weights / np.sum(weights) + x

        start = np.linspace(-1, 1, 5)
        with pytest.warns(match="is called at each step"):
            ours = minimize(logsumexp, SGD(lr=0.1), theta0=start, n_steps=40)
        theirs = minimize((logsumexp, gradient), SGD(lr=0.1), theta0=start, n_steps=40)
        assert ours.theta == pytest.approx(theirs.theta, rel=1e-13)

    def test_the_command_takes_a_value_alone(self, run):
        done = run("my_module:f", None)
        assert done.code == 0
        assert "is called at each step" in done.err

    @pytest.mark.parametrize(
        ("value", "sentence"),
        [
            (hidden_array, "minimize: value must be a function that JAX can differentiate; "),
            (lambda x: np.sum(np.sign(x) * np.round(x)), "minimize: value's derivative must agree with central differ"),
        ],
    )
    def test_what_jax_cannot_differentiate_is_refused(self, value, sentence):
        with pytest.raises(ConfigurationError) as refused:
            minimize(value, SGD(lr=0.1), theta0=[0.5 - 1e-6, 1.0], n_steps=1)
        assert str(refused.value).startswith(sentence)
