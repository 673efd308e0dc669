"""The three rules that end a run, and which of them ended it."""

import math

import pytest

from adamlab.objectives.rosenbrock import Rosenbrock
from adamlab.objectives.sphere import Sphere
from adamlab.optimizers.adam import Adam
from adamlab.optimizers.adam_average import AdamAverage
from adamlab.optimizers.sgd import SGD
from adamlab.optimizers.vector.lamb import LAMB
from adamlab.rules.symbols import ConfigurationError
from adamlab.running.minimize import minimize

BACKENDS = ("python", "numpy", "numba")
ADAM = Adam(lr=0.1, beta1=0.9, beta2=0.99, eps=1e-8)
AVERAGE = AdamAverage(lr=0.1, beta1=0.9, beta2=0.99, eps=1e-8, beta_avg=0.9)
LAYERWISE = LAMB(lr=0.1, beta1=0.9, beta2=0.99, eps=1e-6, weight_decay=0.0)


@pytest.mark.parametrize("backend", BACKENDS)
def test_gradient_descent_stops_where_each_rule_says(backend):
    """From 1, x halves with each step at rate 1/4: loss 4^-t, gradient 2^(1-t), step 2^-t."""

    def run(**rules):
        result = minimize(Sphere(dim=1, x0=1.0), SGD(lr=0.25), n_steps=100, backend=backend, **rules)
        return result.status, result.stopped_by, result.steps

    assert run(tol=0.126) == ("converged", "tol", 3)
    assert run(tol=0.125) == ("converged", "tol", 4)
    assert run(grad_tol=0.25) == ("converged", "grad_tol", 4)
    assert run(loss_target=1 / 64) == ("converged", "loss_target", 3)
    assert run(loss_target=1 / 64, grad_tol=1.1) == ("converged", "grad_tol", 1)
    assert run(tol=0.6, loss_target=1 / 64) == ("converged", "tol", 1)
    assert run() == ("max_steps", None, 100)


def test_a_start_that_fulfils_a_rule_takes_no_step():
    result = minimize(Sphere(dim=1, x0=1.0), SGD(lr=0.25), n_steps=10, loss_target=2.0)
    assert (result.status, result.stopped_by, result.steps) == ("converged", "loss_target", 0)
    assert result.trace["step"].to_list() == [0]


@pytest.mark.parametrize("optimizer", [ADAM, AVERAGE, LAYERWISE])
@pytest.mark.parametrize(
    "objective", [Sphere(dim=5, x0=1.0), Rosenbrock(dim=4, x0=[-1.2, 1.0], a=1.0, b=100.0, dtype="float32")]
)
def test_what_stops_a_run_is_what_is_recorded_of_it(optimizer, objective):
    target = 0.5 * minimize(objective, optimizer, n_steps=1, trace="every").trace["loss"][0]
    runs = [minimize(objective, optimizer, n_steps=2000, loss_target=target, backend=name) for name in BACKENDS]
    assert len({(run.steps, run.loss, run.theta.tobytes()) for run in runs}) == 1
    before = minimize(objective, optimizer, n_steps=runs[0].steps - 1)
    assert runs[0].stopped_by == "loss_target"
    assert runs[0].loss <= target < before.loss


def test_a_loss_of_minus_infinity_is_no_target_reached():
    pair = (lambda x: -float(x[0] ** 2), lambda x: -2 * x)
    result = minimize(pair, SGD(lr=1e200), theta0=[1e-3], n_steps=50, loss_target=-1e307, backend="numpy")
    assert result.status == "diverged"
    assert result.stopped_by is None


@pytest.mark.parametrize(
    ("rule", "sentence"),
    [
        ({"grad_tol": -1.0}, "stopping: grad_tol must lie in [0, inf); it is -1.0"),
        ({"loss_target": math.inf}, "stopping: loss_target must lie in [-inf, inf); it is inf"),
        ({"loss_target": "low"}, "stopping: loss_target must be a number in [-inf, inf); it is 'low'"),
    ],
)
def test_a_rule_out_of_range_is_refused_in_one_sentence(rule, sentence):
    with pytest.raises(ConfigurationError) as refused:
        minimize(Sphere(dim=1, x0=1.0), SGD(lr=0.25), n_steps=1, **rule)
    assert str(refused.value) == sentence
