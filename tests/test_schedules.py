"""Learning-rate schedules: their values, and that every optimizer's lr follows them."""

import numpy as np
import pytest

from adamlab.objectives.sphere import Sphere
from adamlab.optimizers.adam import Adam
from adamlab.optimizers.sgd import SGD
from adamlab.optimizers.vector.lamb import LAMB
from adamlab.rules import defaults
from adamlab.running.minimize import minimize
from adamlab.schedules.constant import Constant
from adamlab.schedules.cosine import Cosine
from adamlab.schedules.inverse_sqrt import InverseSqrt
from adamlab.schedules.linear import Linear
from adamlab.schedules.step import Step
from adamlab.schedules.warmup_cosine import WarmupCosine

BACKENDS = ("python", "numpy", "numba")


@pytest.mark.parametrize(
    ("schedule", "factors"),
    [
        (Constant(), [1, 1, 1, 1]),
        (InverseSqrt(), [1, 2**-0.5, 3**-0.5, 0.5]),
        (Linear(final=0.0), [1, 0.75, 0.5, 0.25]),
        (Linear(final=0.2), [1, 0.8, 0.6, 0.4]),
        (Cosine(final=0.0), [1, (1 + 0.5**0.5) / 2, 0.5, (1 - 0.5**0.5) / 2]),
        (Cosine(final=0.5), [1, 0.5 + (1 + 0.5**0.5) / 4, 0.75, 0.5 + (1 - 0.5**0.5) / 4]),
        (WarmupCosine(warmup=2, final=0.0), [0.5, 1, 1, 0.5]),
        (WarmupCosine(warmup=0, final=0.0), [1, (1 + 0.5**0.5) / 2, 0.5, (1 - 0.5**0.5) / 2]),
        (WarmupCosine(warmup=8, final=0.0), [0.125, 0.25, 0.375, 0.5]),
        (Step(every=2, gamma=0.1), [1, 1, 0.1, 0.1]),
    ],
)
def test_the_factors_over_four_steps(schedule, factors):
    assert [schedule.factor(t, 4) for t in (1, 2, 3, 4)] == pytest.approx(factors)


def test_a_schedule_multiplies_the_rate(schedule_name):
    """On a sphere x <- x - lr_t 2x, so the iterate is a product with one factor per step."""
    schedule = defaults.schedule(schedule_name)
    expected = np.prod([1 - 0.2 * schedule.factor(t, 7) for t in range(1, 8)])
    for backend in BACKENDS:
        run = minimize(Sphere(dim=2, x0=1.0), SGD(lr=0.1), n_steps=7, schedule=schedule, backend=backend)
        assert run.theta == pytest.approx([expected, expected], rel=1e-14)


@pytest.mark.parametrize(
    "optimizer",
    [
        Adam(lr=0.01, beta1=0.9, beta2=0.999, eps=1e-8),
        LAMB(lr=0.01, beta1=0.9, beta2=0.999, eps=1e-6, weight_decay=0.01),
        defaults.optimizer("muon"),
    ],
)
def test_a_run_under_a_schedule_is_the_same_on_every_backend(optimizer):
    schedule = WarmupCosine(warmup=10, final=0.1)
    runs = [minimize(Sphere(dim=5, x0=1.0), optimizer, n_steps=50, schedule=schedule, backend=b) for b in BACKENDS]
    constant = minimize(Sphere(dim=5, x0=1.0), optimizer, n_steps=50)
    assert len({run.theta.tobytes() for run in runs}) == 1
    assert runs[0].theta.tobytes() != constant.theta.tobytes()


def test_every_optimizer_has_a_rate_for_the_schedule(optimizer):
    assert hasattr(optimizer, "lr")
