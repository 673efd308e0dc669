"""Many runs at once give, bit for bit, the same as each run alone."""

import numpy as np
import polars as pl
import pytest

from adamlab.noises.student_t import StudentT
from adamlab.objectives.quadratic import Quadratic
from adamlab.objectives.rosenbrock import Rosenbrock
from adamlab.objectives.sphere import Sphere
from adamlab.optimizers.adam import Adam
from adamlab.optimizers.adam_average import AdamAverage
from adamlab.optimizers.sgd import SGD
from adamlab.optimizers.vector.lamb import LAMB
from adamlab.optimizers.yogi import Yogi
from adamlab.rules.symbols import ConfigurationError
from adamlab.running.batches import batches_of_list
from adamlab.running.many import _task_size, minimize_many
from adamlab.running.minimize import minimize
from adamlab.schedules.cosine import Cosine

ROSENBROCK = Rosenbrock(dim=2, x0=[-1.2, 1.0], a=1.0, b=100.0)
SETTINGS = {"n_steps": 120, "trace": "log", "trace_points": 9}


def configurations(optimizer, objective, runs, **more):
    """Return runs with learning rates over four decades and different seeds; every second run can stop early."""
    rates = np.geomspace(1e-3, 10.0, runs)
    return [
        {
            "optimizer": optimizer(float(lr)),
            "objective": objective,
            "tol": 1e-2 * (k % 2),
            "seed": k,
            **SETTINGS,
            **more,
        }
        for k, lr in enumerate(rates)
    ]


def assert_like_alone(given, some=slice(None)):
    frame = minimize_many(given, theta=True)
    assert len(frame) == len(given)
    for row, configuration in list(zip(frame.iter_rows(named=True), given, strict=True))[some]:
        alone = minimize(**configuration)
        assert (row["status"], row["stopped_by"], row["steps"]) == (alone.status, alone.stopped_by, alone.steps)
        assert np.array_equal([row["loss"], row["grad_norm"]], [alone.loss, alone.grad_norm], equal_nan=True)
        assert np.array_equal(np.array(row["theta"], alone.theta.dtype), alone.theta, equal_nan=True)
        assert pl.DataFrame(row["trace"], schema=alone.trace.schema).equals(alone.trace)
    return frame


def adam(lr):
    return Adam(lr=lr, beta1=0.9, beta2=0.99, eps=1e-8)


@pytest.mark.parametrize(
    "objective",
    [
        Sphere(dim=1, x0=1.0),
        Quadratic(dim=40, x0=1.0, condition=10.0, dtype="float32"),
        Sphere(dim=130, x0=1.0),
        ROSENBROCK,
    ],
)
def test_a_run_among_many_has_the_bits_of_the_run_alone(objective):
    frame = assert_like_alone(configurations(adam, objective, 300), slice(None, None, 7))
    assert frame["status"].n_unique() > 1


@pytest.mark.parametrize("objective", [Sphere(dim=3, x0=1.0), ROSENBROCK])
def test_noise_schedule_and_the_other_rules_are_those_of_the_run_alone(objective):
    more = {"noise": StudentT(scale=0.1, df=1.5), "schedule": Cosine(final=0.0), "grad_tol": 0.3, "loss_target": 0.05}
    frame = assert_like_alone(configurations(adam, objective, 60, **more))
    assert frame["stopped_by"].n_unique() > 2


@pytest.mark.parametrize(
    "optimizer",
    [
        lambda lr: SGD(lr=lr),
        lambda lr: Yogi(lr=lr, beta1=0.9, beta2=0.99, eps=1e-3, initial=1e-6),
        lambda lr: AdamAverage(lr=lr, beta1=0.9, beta2=0.99, eps=1e-8, beta_avg=0.9),
        lambda lr: LAMB(lr=lr, beta1=0.9, beta2=0.99, eps=1e-6, weight_decay=0.0),
    ],
)
def test_any_optimizer_can_be_run_many_times(optimizer):
    assert_like_alone(configurations(optimizer, Sphere(dim=3, x0=1.0), 20))


def test_the_number_of_threads_changes_nothing():
    given = configurations(adam, Sphere(dim=2, x0=1.0), 20_000)
    one, two = (minimize_many(given, threads=threads).drop("seconds") for threads in (1, 2))
    assert one.equals(two)


@pytest.mark.parametrize("dim", [1, 2])
def test_few_long_runs_are_shared_out_among_threads(dim):
    given = configurations(adam, Sphere(dim=dim, x0=1.0), 300, n_steps=200_000, trace="none")
    (batch,) = batches_of_list(given)
    assert _task_size(batch, 2) <= 128


def test_divergence_is_a_row():
    given = configurations(lambda lr: SGD(lr=lr), Sphere(dim=2, x0=1.0), 50, n_steps=2000)
    assert minimize_many(given)["status"].value_counts().filter(pl.col("status") == "diverged")["count"][0] > 5


def test_different_problems_and_methods_come_back_in_order():
    given = [
        {"optimizer": method, "objective": Sphere(dim=dim, x0=1.0), "n_steps": n_steps}
        for n_steps in (3, 5)
        for dim in (1, 2)
        for method in (SGD(lr=0.1), adam(0.1))
    ]
    frame = minimize_many(given)
    assert frame["steps"].to_list() == [3] * 4 + [5] * 4
    assert frame["loss"].to_list() == [minimize(**configuration).loss for configuration in given]


@pytest.fixture
def frame():
    return pl.DataFrame(
        {
            "optimizer": ["sgd", "adam", "sgd"],
            "optimizer.lr": [0.1, 0.01, 0.2],
            "optimizer.beta1": [None, 0.9, None],
            "optimizer.beta2": [None, 0.999, None],
            "optimizer.eps": [None, 1e-8, None],
            "objective": "sphere",
            "objective.x0": [[1.0], [1.0, 2.0], [1.0]],
            "dim": 2,
            "n_steps": 10,
        }
    )


def test_a_frame_of_swept_keys_is_a_list_of_configurations(frame):
    given = [
        {"optimizer": SGD(lr=0.1), "objective": Sphere(dim=2, x0=1.0), "n_steps": 10},
        {
            "optimizer": Adam(lr=0.01, beta1=0.9, beta2=0.999, eps=1e-8),
            "objective": Sphere(dim=2, x0=[1.0, 2.0]),
            "n_steps": 10,
        },
        {"optimizer": SGD(lr=0.2), "objective": Sphere(dim=2, x0=1.0), "n_steps": 10},
    ]
    assert minimize_many(frame).drop("seconds").equals(minimize_many(given).drop("seconds"))


def test_a_frame_can_name_noise_and_a_schedule(frame):
    made = minimize_many(
        frame.filter(pl.col("optimizer") == "adam").with_columns(
            **{"noise": pl.lit("student_t"), "noise.scale": 0.1, "noise.df": 1.5},
            **{"schedule": pl.lit("cosine"), "schedule.final": 0.0, "grad_tol": 1e-9},
        )
    )
    leaves = {"noise": StudentT(scale=0.1, df=1.5), "schedule": Cosine(final=0.0)}
    rule = Adam(lr=0.01, beta1=0.9, beta2=0.999, eps=1e-8)
    alone = minimize(Sphere(dim=2, x0=[1.0, 2.0]), rule, n_steps=10, grad_tol=1e-9, **leaves)
    assert made["loss"].to_list() == [alone.loss]


def test_a_run_that_raises_costs_the_others_nothing():
    class Broken(type(adam(0.1))):
        acts_on = "vector"

        @staticmethod
        def update(c, g, theta, m, v):
            if c.lr > 1:
                raise RuntimeError("too fast")
            return theta - c.lr * g, m, v

    given = [{"optimizer": Broken(lr=lr, beta1=0.9, beta2=0.99, eps=0.0), "objective": ROSENBROCK, "n_steps": 2,
              "backend": "numpy"} for lr in (1e-3, 2.0, 1e-4)]  # fmt: skip
    frame = minimize_many(given)
    assert frame["status"].to_list() == ["max_steps", "failed", "max_steps"]
    assert frame["error"].to_list() == [None, "RuntimeError: too fast", None]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"optimizer.lr": -1.0}, "SGD: lr must lie in (0, inf); it is -1.0"),
        ({"optimizer": "adma"}, "optimizer: must be one of"),
        ({"optimizer.beta": 1.0}, "SGD and Adam: has no beta; did you mean beta2? (it has lr, beta1, beta2, eps)"),
        ({"noise.scale": 1.0}, "no noise: has no scale"),
        ({"optimizer.beta1": 0.8}, None),
        ({"seed": -1}, "minimize_many: seed must lie in [0, 2^63); it is -1"),
        ({"tol": -1.0}, "stopping: tol must lie in [0, inf); it is -1.0"),
        ({"rate": 1.0}, "minimize_many: columns must be swept keys, such as optimizer.lr; it has rate"),
        ({"dtype": "float16"}, "Sphere: dtype must be one of float64, float32; it is 'float16'"),
    ],
)
def test_a_mistake_in_a_frame_is_refused_before_any_run(frame, change, sentence):
    changed = frame.with_columns(**{name: pl.lit(value) for name, value in change.items()})
    if sentence is None:
        # Columns of other optimizers' hyperparameters are allowed, and are ignored.
        assert len(minimize_many(changed)) == 3
        return
    with pytest.raises(ConfigurationError) as refused:
        minimize_many(changed)
    assert str(refused.value).startswith(sentence)
