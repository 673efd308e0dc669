"""Gradient noise is the same for every optimizer, backend and batch, with the distribution that its leaf names."""

import numpy as np
import pytest
from scipy import stats

from adamlab.noises.gaussian import Gaussian
from adamlab.noises.multiplicative import Multiplicative
from adamlab.noises.student_t import StudentT
from adamlab.objectives.rosenbrock import Rosenbrock
from adamlab.objectives.sphere import Sphere
from adamlab.optimizers.adam import Adam
from adamlab.optimizers.sgd import SGD
from adamlab.optimizers.vector.lamb import LAMB
from adamlab.problems.problem import Problem
from adamlab.rules.symbols import ConfigurationError
from adamlab.running.minimize import minimize
from adamlab.running.stepping import SteppingGradient

ADAM = Adam(lr=0.01, beta1=0.9, beta2=0.999, eps=1e-8)
GAUSSIAN = Gaussian(scale=0.5)
BACKENDS = ("python", "numpy", "numba")


def noise_of(noise, seed=0, t=1, size=50_000, slope=2.0):
    """Return the noise that is added to a gradient of `slope` in every coordinate."""
    problem = Problem(Sphere(dim=size, x0=slope / 2), noise, seed)
    return SteppingGradient(problem)(np.full(size, slope / 2), t) - slope


@pytest.mark.parametrize(
    ("noise", "distribution"),
    [
        (GAUSSIAN, stats.norm(scale=0.5)),
        (StudentT(scale=0.5, df=1.5), stats.t(1.5, scale=0.5)),
        (StudentT(scale=0.5, df=30.0), stats.t(30.0, scale=0.5)),
        (Multiplicative(scale=0.5), stats.norm(scale=1.0)),
    ],
)
def test_the_noise_has_the_distribution_its_leaf_names(noise, distribution):
    assert stats.kstest(noise_of(noise), distribution.cdf).pvalue > 1e-4


def test_multiplicative_noise_vanishes_with_the_gradient():
    assert np.all(noise_of(Multiplicative(scale=0.5), slope=0.0, size=100) == 0)


def test_noise_differs_between_steps_seeds_and_objectives_and_is_otherwise_the_same():
    same, again = noise_of(GAUSSIAN), noise_of(GAUSSIAN)
    assert np.array_equal(same, again)
    for other in (noise_of(GAUSSIAN, seed=1), noise_of(GAUSSIAN, t=2)):
        assert abs(np.corrcoef(same, other)[0, 1]) < 0.03
    sphere, rosenbrock = (Problem(o, GAUSSIAN).key("noise") for o in (Sphere(dim=2, x0=1.0), ROSENBROCK))
    assert sphere != rosenbrock


ROSENBROCK = Rosenbrock(dim=6, x0=[-1.2, 1.0], a=1.0, b=100.0)


@pytest.mark.parametrize("objective", [Sphere(dim=6, x0=3.0), Sphere(dim=6, x0=3.0, dtype="float32"), ROSENBROCK])
@pytest.mark.parametrize("optimizer", [ADAM, LAMB(lr=0.01, beta1=0.9, beta2=0.999, eps=1e-6, weight_decay=0.0)])
def test_a_noisy_run_is_the_same_on_every_backend(objective, optimizer):
    noise = StudentT(scale=0.1, df=1.5)
    runs = [minimize(objective, optimizer, n_steps=60, noise=noise, seed=7, backend=name) for name in BACKENDS]
    assert len({run.theta.tobytes() for run in runs}) == 1
    assert runs[0].trace.equals(runs[1].trace)
    assert runs[1].trace.equals(runs[2].trace)


def test_every_optimizer_meets_the_same_noise():
    """From the origin of the sphere, a step of gradient descent with rate 1 is the noise itself."""
    still = minimize(Sphere(dim=3, x0=0.0), SGD(lr=1.0), n_steps=1, noise=GAUSSIAN).theta
    fast = minimize(Sphere(dim=3, x0=0.0), SGD(lr=2.0), n_steps=1, noise=GAUSSIAN).theta
    assert np.array_equal(2 * still, fast)


def test_loss_and_gradient_are_recorded_without_the_noise():
    trace = minimize(Sphere(dim=2, x0=3.0), SGD(lr=0.1), n_steps=1, noise=GAUSSIAN, trace="every").trace
    assert trace["loss"][0] == 18.0
    assert trace["grad_norm"][0] == pytest.approx(6 * 2**0.5)


def test_a_number_out_of_range_is_refused():
    with pytest.raises(ConfigurationError, match=r"^StudentT: df must lie in \(0, inf\); it is 0$"):
        StudentT(scale=1.0, df=0)
