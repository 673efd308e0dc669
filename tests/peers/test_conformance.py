"""Every namesake is as its peer's module describes it: equal to rounding, or different by the stated amount.

These tests detect a new release of a peer that changes its steps. ``make test-peers`` installs the peers and runs them.
"""

import warnings

import pytest

from adamlab.measuring.conformance import compare
from adamlab.rules import defaults
from experiments.timing.peers import peers, short

CASES = [
    (peer, namesake)
    for peer in peers(["torch", "optax", "pytorch_optimizer"])
    if peer.missing() is None
    for namesake in peer.namesakes()
]


@pytest.mark.skipif(bool(CASES), reason="the peers are here")
def test_the_peers_are_installed_by_make_test_peers():
    pytest.skip("torch, optax and pytorch_optimizer are not installed")


@pytest.mark.parametrize(
    ("peer", "namesake"), CASES, ids=[f"{short(peer)}-{case.leaf}-{case.spelled}" for peer, case in CASES]
)
def test_a_namesake_is_as_known(peer, namesake):
    with warnings.catch_warnings():
        # Warnings of the libraries, about themselves or each other, are not tested here.
        warnings.simplefilter("ignore")
        found = compare(defaults.optimizer(namesake.leaf), namesake)
    assert namesake.as_known(found), f"{short(peer)} {namesake.spelled}: {found}, known: {namesake.by:.1e}"
    if not namesake.differs:
        assert found.closed_loop < 1e-9
