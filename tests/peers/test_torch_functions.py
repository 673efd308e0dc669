"""Functions written in PyTorch are objectives without changes; torch's autograd gives the gradient if there is none."""

from contextlib import nullcontext

import numpy as np
import pytest

from adamlab.optimizers.sgd import SGD
from adamlab.problems.torch_functions import uses_torch
from adamlab.rules.symbols import ConfigurationError
from adamlab.running.minimize import minimize

torch = pytest.importorskip("torch", reason="torch is not installed (make test-peers installs it)")


def value(x):
    return torch.logsumexp(x - 1.0, 0) + 0.5 * (x * x).sum()


def gradient(x):
    return torch.softmax(x - 1.0, 0) + x


def in_numpy(x):
    return np.exp(x - 1.0) / np.sum(np.exp(x - 1.0)) + x


@pytest.mark.parametrize("pair", [value, (value, None), (value, gradient), (value, in_numpy)])
def test_a_function_of_tensors_runs_and_its_derivative_is_exact(pair, dtype):
    start = np.linspace(-1, 1, 5, dtype=dtype)
    compiled = pair == (value, in_numpy)
    with nullcontext() if compiled else pytest.warns(match="the gradient .+ is called at each step"):
        ours = minimize(pair, SGD(lr=0.1), theta0=start, n_steps=40)
    theirs = minimize((lambda x: np.log(np.sum(np.exp(x - 1.0))) + 0.5 * np.sum(x * x), in_numpy), SGD(lr=0.1),
                      theta0=start, n_steps=40)  # fmt: skip
    assert ours.theta.dtype == dtype
    rounding = 100 * float(np.finfo(dtype).eps)
    assert ours.theta == pytest.approx(theirs.theta, rel=rounding)
    assert ours.loss == pytest.approx(theirs.loss, rel=rounding)


@pytest.mark.parametrize(
    ("broken", "sentence"),
    [
        (lambda x: torch.tensor(x.sum().item()), "value must be a function that PyTorch can differentiate; element 0"),
        (
            lambda x: torch.sign(x).sum() * torch.round(x).sum(),
            "value's derivative must agree with central",
        ),
        (lambda x: torch.cat([x, x]), "value(theta) must be a number; it is an array of float64, shape (4,)"),
        (lambda x: torch.log(-x.abs()).sum(), "value(theta) must be finite at the start; it is nan"),
    ],
)
def test_what_autograd_cannot_differentiate_is_refused_in_one_sentence(broken, sentence):
    with pytest.raises(ConfigurationError) as refused:
        minimize(broken, SGD(lr=0.1), theta0=[0.5 - 1e-6, 1.0], n_steps=1)
    assert str(refused.value).startswith(f"minimize: {sentence}")


def test_a_module_of_torchs_is_a_function_of_tensors():
    class Bowl(torch.nn.Module):
        def forward(self, x):
            return (x * x).sum()

    with pytest.warns(match="is called at each step"):
        assert minimize(Bowl(), SGD(lr=0.25), theta0=[1.0, 2.0], n_steps=1).theta == pytest.approx([0.5, 1.0])


def test_a_function_that_does_not_refer_to_torch_is_none_of_torchs():
    assert uses_torch(value)
    assert not uses_torch(in_numpy)
    assert not uses_torch(np.sum)
    assert not uses_torch(None)


def test_the_command_takes_a_value_in_torch_alone(command, tmp_path):
    (tmp_path / "mine.py").write_text("import torch\n\ndef f(x):\n    return torch.cosh(x).sum()\n")
    done = command("experiments/converge.py", "objective=custom", "objective.value=mine:f", "dim=3", "n_steps=50")
    assert done.code == 0
    assert "the gradient f is called at each step" in done.err
