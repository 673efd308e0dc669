"""Which runs of a sweep remain to be done."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from adamlab.records.reading import files, finished_runs
from experiments.sweeping.families import Family, Piece

# The root folder of records and the study's name.
Place = tuple[Path, str]


def remaining(families: Iterable[Family], known: Mapping[Place, Sequence[Path]], resume: bool) -> list[Piece]:
    """The runs of ``families`` that no record in the files ``known`` (by results and study) holds.

    Without ``resume`` all of them.
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
    """The files of runs of every study that ``families`` write into."""
    places = dict.fromkeys(family.place for family in families)
    return {place: files(*place, "runs") for place in places}
