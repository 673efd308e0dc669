"""Compare each optimizer with the methods of the same name in other libraries.

The differences between their trajectories (`adamlab.measuring.conformance`) are recorded.
"""

import sys
from types import ModuleType
from typing import Any

import experiments.timing.one_thread  # noqa: F401 -- first, because it sets what the libraries read when they are imported
from adamlab.measuring.conformance import Namesake, compare
from adamlab.records.fingerprint import fingerprint
from adamlab.records.provenance import provenance
from adamlab.records.reading import folder
from adamlab.records.schema import CONFORMANCE, frame
from adamlab.records.writing import write
from adamlab.rules.defaults import optimizer
from adamlab.rules.registry import refuse_unknown
from experiments.sweeping.command import Command
from experiments.sweeping.configuration import keys_of, results_and_study
from experiments.sweeping.results import SweepResult
from experiments.sweeping.sweep import Sweep
from experiments.timing.peers import origins, peers, present, short

PROGRAM = "conformance"


def compare_all(sweep: Sweep) -> SweepResult:
    """Compare optimizers with all namesakes in the peers that can run here, and record the results.

    Parameters
    ----------
    sweep : Sweep
        The jobs; of each, the keys ``results``, ``study_name`` and ``peers``.

    Returns
    -------
    SweepResult
        ``failed`` is the number of comparisons whose result differs from what the peer's module states.

    Raises
    ------
    ConfigurationError
        For a key or a peer that is not known.
    """
    unexpected = 0
    for tree in sweep.trees():
        refuse_unknown(PROGRAM, tree, ("results", "study_name", "peers"))
        results, study = results_and_study(PROGRAM, tree)
        chosen = peers(tree["peers"])
        rows = []
        for peer in present(chosen, "namesakes"):
            for namesake in peer.namesakes():
                row, known = _row(peer, namesake)
                rows.append(row)
                unexpected += not known
                print(_line(row) + ("" if known else " -- differs from what the peer's module states"), flush=True)
        if rows:
            target = folder(results, study, "conformance")
            write(target, frame(rows, CONFORMANCE), provenance(**origins(chosen)))
            print(f"records in {target}")
    return SweepResult(unexpected)


def _row(peer: ModuleType, namesake: Namesake) -> tuple[dict[str, Any], bool]:
    """Return the record of a namesake, and whether the comparison has the result that its peer's module states."""
    leaf = optimizer(namesake.leaf)
    comparison = compare(leaf, namesake)
    row = {
        "algorithms": fingerprint("adamlab.measuring.conformance", type(leaf).__module__),
        **keys_of("optimizer", leaf),
        "peer": short(peer),
        "namesake": namesake.spelled,
        "peer_version": peer.version(),
        "recorded": comparison.recorded,
        "closed_loop": comparison.closed_loop,
        "equal": comparison.equal,
        "reason": namesake.differs,
    }
    return row, namesake.as_known(comparison)


def _line(row: dict[str, Any]) -> str:
    verdict = "equal to rounding" if row["equal"] else f"differs: {row['reason']}"
    return f"{row['optimizer']}: {row['peer']} {row['namesake']}: {row['recorded']:.1e}, {verdict}"


if __name__ == "__main__":
    sys.exit(Command(PROGRAM, compare_all)())
