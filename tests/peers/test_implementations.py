"""Every implementation that is timed beside adamlab's takes the same steps as adamlab.

Peers that are not installed are skipped; ``make test-peers`` installs torch, optax and jax.
"""

import warnings

import numpy as np
import pytest

from adamlab.measuring.timing import Runs
from adamlab.objectives.sphere import Sphere
from adamlab.rules import defaults
from adamlab.running.minimize import minimize
from experiments.sweeping.configuration import keys_of
from experiments.timing.peers import peers, present

PEERS = present(peers(["avx512", "jax", "numpy_as_written", "optax", "torch"]), "implementations")
# Starts by dim: one vector shorter than a vector register, and one whose length is no multiple of any register's.
STARTS = {3: (10.0,), 133: (10.0, -3.0, 0.7, 2.0, -1.2)}
CLOSE = {"float64": 1e-12, "float32": 1e-4}


def keys(optimizer, dim, dtype, tol=0.0):
    start = {"objective": "sphere", "objective.x0": STARTS[dim], "dim": dim, "dtype": dtype}
    start |= {"noise": "none", "schedule": "constant", "grad_tol": 0.0, "loss_target": -np.inf}
    return {
        **keys_of("optimizer", defaults.optimizer(optimizer)),
        **start,
        "tol": tol,
        "n_steps": 500,
        "runs": 1,
        "threads": 1,
    }


def ours(optimizer, dim, dtype, tol=0.0):
    objective = Sphere(dim=dim, x0=STARTS[dim], dtype=dtype)
    return minimize(objective, defaults.optimizer(optimizer), n_steps=500, tol=tol, trace="none")


@pytest.mark.parametrize("dim", STARTS)
@pytest.mark.parametrize("optimizer", ["adam", "adam_reordered", "adamw", "sgd", "radam", "amsgrad_torch"])
@pytest.mark.parametrize("peer", PEERS, ids=lambda peer: peer.__name__.rpartition(".")[2])
def test_a_run_in_parts_ends_where_ours_ends(peer, optimizer, dim, dtype):
    for name, implementation in peer.implementations(keys(optimizer, dim, dtype)).items():
        assert isinstance(implementation, Runs)
        with warnings.catch_warnings():
            # Warnings of the libraries are not tested here.
            warnings.simplefilter("ignore")
            advance = implementation.begin()
            for steps in (1, 199, 300):
                end = np.array(advance(steps))
        assert end.dtype == dtype
        np.testing.assert_allclose(end, ours(optimizer, dim, dtype).theta, rtol=CLOSE[dtype], err_msg=name)


@pytest.mark.parametrize("peer", PEERS, ids=lambda peer: peer.__name__.rpartition(".")[2])
def test_with_a_tolerance_a_run_stops_where_ours_stops(peer):
    for optimizer in ("adam", "adam_reordered"):
        expected = ours(optimizer, 133, "float64", tol=0.0107)
        assert 100 < expected.steps < 500
        for name, implementation in peer.implementations(keys(optimizer, 133, "float64", tol=0.0107)).items():
            end = np.array(implementation.begin()(500))
            np.testing.assert_allclose(end, expected.theta, rtol=1e-12, err_msg=name)


def test_a_scan_cannot_stop_and_is_not_timed_where_it_should():
    chosen = {peer.__name__.rpartition(".")[2]: peer for peer in PEERS}
    if "optax" not in chosen:
        pytest.skip("optax is not installed")
    offered = {tol: set(chosen["optax"].implementations(keys("adam", 3, "float64", tol))) for tol in (0.0, 1e-6)}
    assert offered == {0.0: {"optax-jit", "optax-scan"}, 1e-6: {"optax-jit"}}


@pytest.mark.parametrize("peer", PEERS, ids=lambda peer: peer.__name__.rpartition(".")[2])
@pytest.mark.parametrize(
    "other",
    [{"objective": "quadratic"}, {"noise": "gaussian"}, {"schedule": "cosine"}, {"grad_tol": 0.1}, {"loss_target": 1}],
)
def test_what_only_the_lab_can_do_is_not_passed_off_as_done(peer, other):
    assert peer.implementations({**keys("adam_reordered", 3, "float64"), **other}) == {}
