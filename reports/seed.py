"""The records that the reports on the seed read, whatever else is in the study; this module is not a report."""

import polars as pl

from adamlab.records.reading import Study
from reports.missing_records import MissingRecords

FORMS = ("adam", "adam_reordered")
STEPS = (100, 1000, 10_000)
RATES = (0.001, 0.01)
SLOW, FAST = RATES

_SPHERE = {
    "objective": "sphere",
    "dim": 128,
    "tol": 1e-6,
    "dtype": "float64",
    "optimizer.beta1": 0.9,
    "optimizer.beta2": 0.999,
    "optimizer.eps": 1e-8,
}


def runs(study: Study) -> pl.DataFrame:
    """Return the seed's runs: both forms, both learning rates, three numbers of steps, any backend.

    Parameters
    ----------
    study : Study
        The records to read.

    Raises
    ------
    MissingRecords
        If no run with the larger learning rate and the largest number of steps is recorded.
    """
    rows = _asked(study.runs, RATES)
    if rows.filter(pl.col("optimizer.lr") == FAST, pl.col("n_steps") == max(STEPS)).is_empty():
        raise MissingRecords(f"no run at learning rate {FAST} with {max(STEPS)} steps is recorded")
    return rows


def timings(study: Study) -> pl.DataFrame:
    """Return the seed's timings, at the smaller learning rate.

    Parameters
    ----------
    study : Study
        The records to read.

    Returns
    -------
    polars.DataFrame
        The latest measurement that timed both forms on the numba backend at the least and the largest number of steps.

    Raises
    ------
    MissingRecords
        If there is no such measurement.
    """
    rows = _asked(study.timings, (SLOW,))
    whole = (
        rows.filter(pl.col("backend") == "numba", pl.col("steps").is_in([min(STEPS), max(STEPS)]))
        .group_by("measurement", maintain_order=True)
        .agg(pl.struct("optimizer", "steps").n_unique().alias("found"))
        .filter(pl.col("found") == 2 * len(FORMS))
    )
    if whole.is_empty():
        raise MissingRecords(
            "no measurement is recorded that has both forms on the numba backend at 100 and 10,000 steps"
        )
    return rows.filter(pl.col("measurement") == whole["measurement"][-1])


def _asked(rows: pl.DataFrame, rates: tuple[float, ...]) -> pl.DataFrame:
    missing = {*_SPHERE, "optimizer", "optimizer.lr", "objective.x0", "n_steps"} - set(rows.columns)
    if missing:
        raise MissingRecords("no run of Adam on the sphere is recorded")
    return rows.filter(
        *(pl.col(name) == value for name, value in _SPHERE.items()),
        pl.col("objective.x0").list.len() == 1,
        pl.col("objective.x0").list.first() == 10.0,
        pl.col("optimizer").is_in(FORMS),
        pl.col("optimizer.lr").is_in(rates),
        pl.col("n_steps").is_in(STEPS),
    )
