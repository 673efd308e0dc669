"""Find the runs of a sweep that are still to be executed."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from adamlab.records.reading import files, finished_runs
from experiments.sweeping.families import Family, Piece

# The root folder of the records, and the study's name.
Place = tuple[Path, str]


def remaining(families: Iterable[Family], known: Mapping[Place, Sequence[Path]], resume: bool) -> list[Piece]:
    """Return the runs of ``families`` that are not recorded yet, one piece for each family that has any.

    Parameters
    ----------
    families : iterable of Family
        The runs of the sweep.
    known : mapping of Place to sequence of Path
        The files of runs of each study, from `known_files`.
    resume : bool
        Whether to leave out runs that these files hold and that did not fail; if false, all runs are returned.

    Returns
    -------
    list of Piece
    """
    paths = known if resume else {}
    recorded = {place: finished_runs(paths[place]).select("run_id").collect()["run_id"] for place in paths}
    left = []
    for family in families:
        piece = family.all_runs
        if resume and not recorded[family.place].is_empty():
            piece = piece.without(recorded[family.place])
        if piece.size:
            left.append(piece)
    return left


def known_files(families: Iterable[Family]) -> dict[Place, list[Path]]:
    """Return the files of runs of every study that ``families`` are recorded in.

    Parameters
    ----------
    families : iterable of Family
        The runs of the sweep.

    Returns
    -------
    dict of Place to list of Path
        By root folder and study; the files are sorted, oldest first.
    """
    places = dict.fromkeys(family.place for family in families)
    return {place: files(*place, "runs") for place in places}
