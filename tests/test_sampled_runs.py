"""Runs on objectives drawn anew at each step.

The draws are the same on every backend and in every batch, and theta stays in the box.
"""

import numpy as np
import pytest

from adamlab.noises.gaussian import Gaussian
from adamlab.objectives.adopt_toy import AdoptToy
from adamlab.objectives.noisy_quadratic import NoisyQuadratic
from adamlab.objectives.reddi_online import ReddiOnline
from adamlab.objectives.reddi_stochastic import ReddiStochastic
from adamlab.optimizers.adam import Adam
from adamlab.optimizers.sgd import SGD
from adamlab.optimizers.vector.lamb import LAMB
from adamlab.problems.problem import Problem
from adamlab.rules import defaults
from adamlab.rules.symbols import ConfigurationError
from adamlab.running.many import minimize_many
from adamlab.running.minimize import minimize
from adamlab.running.stepping import SteppingGradient
from adamlab.schedules.inverse_sqrt import InverseSqrt

BACKENDS = ("python", "numpy", "numba")
ADAM = Adam(lr=0.1, beta1=0.9, beta2=0.99, eps=1e-8)
LAYERWISE = LAMB(lr=0.1, beta1=0.9, beta2=0.99, eps=1e-6, weight_decay=0.0)
ONLINE = ReddiOnline(dim=3, x0=0.0, period=101, large=1010.0, small=10.0)
PROBLEMS = [
    ONLINE,
    ReddiStochastic(dim=3, x0=0.0, probability=0.01, large=1010.0, small=10.0),
    AdoptToy(dim=3, x0=0.0, k=10.0, dtype="float32"),
    NoisyQuadratic(dim=40, x0=1.0, batch=4),
    NoisyQuadratic(dim=5, x0=1.0, batch=4, dtype="float32"),
]
every_problem = pytest.mark.parametrize("objective", PROBLEMS, ids=lambda o: f"{type(o).__name__}-{o.dtype}")


@every_problem
@pytest.mark.parametrize("optimizer", [ADAM, LAYERWISE], ids=["adam", "lamb"])
def test_a_run_is_the_same_on_every_backend(objective, optimizer):
    settings = {"n_steps": 150, "seed": 5, "noise": Gaussian(scale=0.1), "schedule": InverseSqrt()}
    runs = [minimize(objective, optimizer, backend=name, **settings) for name in BACKENDS]
    assert len({run.theta.tobytes() for run in runs}) == 1
    other_seed = minimize(objective, optimizer, **settings | {"seed": 6})
    assert other_seed.theta.tobytes() != runs[0].theta.tobytes()


@every_problem
def test_a_run_among_many_draws_what_it_draws_alone(objective):
    given = [{"optimizer": ADAM, "objective": objective, "n_steps": 150, "seed": seed} for seed in range(5)]
    frame = minimize_many(given, theta=True)
    alone = [minimize(**configuration) for configuration in given]
    assert frame["theta"].to_list() == [run.theta.tolist() for run in alone]
    if objective is not ONLINE:
        assert len({run.theta.tobytes() for run in alone}) == 5


def test_theta_stays_in_the_box_and_reaches_its_ends():
    """In the counter-example of Reddi et al. 2018, Adam goes to the worst point, +1, and stays there."""
    trace = minimize(ONLINE, ADAM, n_steps=5000, trace="every").trace
    assert trace["loss"].max() == pytest.approx(3 * (1010 - 100 * 10) / 101)
    assert trace["distance"].max() == pytest.approx(2 * 3**0.5)
    leaps = [minimize(ONLINE, SGD(lr=1.0), n_steps=t, trace="none").theta.tolist() for t in (1, 2, 3)]
    assert leaps == [[-1.0] * 3, [1.0] * 3, [1.0] * 3]


def test_a_start_outside_the_box_is_refused():
    with pytest.raises(ConfigurationError) as refused:
        minimize(ReddiOnline(dim=1, x0=2.0, period=101, large=1010.0, small=10.0), ADAM, n_steps=1)
    assert str(refused.value) == "ReddiOnline: x0 must lie in [-1, 1]; it is 2"


def test_a_minibatch_is_drawn_anew_at_each_step_and_seed_and_is_the_same_on_every_backend():
    objective = defaults.objective("logistic_regression_minibatch", dim=650)
    theta = np.zeros(650)
    gradients = [
        SteppingGradient(Problem(objective, None, seed))(theta, t) for seed, t in ((0, 1), (0, 1), (0, 2), (1, 1))
    ]
    assert np.array_equal(gradients[0], gradients[1])
    assert len({g.tobytes() for g in gradients}) == 3
    numpy, numba = (minimize(objective, ADAM, n_steps=20, backend=name).theta for name in ("numpy", "numba"))
    assert numba == pytest.approx(numpy, rel=1e-9, abs=1e-12)
