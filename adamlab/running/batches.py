"""Batches of runs: configurations grouped by optimizer and problem, so that a group can share one compiled loop."""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, cast

import numpy as np
import polars as pl
from numpy.typing import NDArray

from adamlab.rules.parameters import numbers_of, parameter_names
from adamlab.rules.registry import leaf_class, refuse_unknown
from adamlab.rules.symbols import BACKEND, LOSS_TARGET, N_STEPS, SEED, TOLERANCE, ConfigurationError, Number, symbols
from adamlab.running.checks import check_objective, check_optimizer, check_schedule
from adamlab.running.trace import TRACE_KIND, TRACE_POINTS
from adamlab.schedules.constant import Constant

LIMITS = {"tol": (TOLERANCE, 0.0), "grad_tol": (TOLERANCE, 0.0), "loss_target": (LOSS_TARGET, -math.inf)}
GROUPS: tuple[Literal["optimizer", "objective", "noise", "schedule"], ...] = (
    "optimizer",
    "objective",
    "noise",
    "schedule",
)
# Keys that a configuration may leave out, with the value each then has.
DEFAULTS: dict[str, Any] = {
    **{name: default for name, (_, default) in LIMITS.items()},
    "seed": 0,
    "noise": "none",
    "schedule": "constant",
    "dtype": "float64",
    "backend": "numba",
    "trace": "none",
    "trace.points": 50,
}


@dataclass(frozen=True)
class Batch:
    """Runs that differ only in the optimizer's hyperparameters, the seed and the stopping limits.

    Attributes
    ----------
    optimizer : type
        Class of the optimizer.
    objective : dataclass
        Instance of a class in `adamlab.objectives`.
    noise : dataclass or None
        Instance of a class in `adamlab.noises`.
    schedule : dataclass
        Instance of a class in `adamlab.schedules`.
    n_steps : int
        Largest number of steps of a run.
    numbers : ndarray of float64, shape (hyperparameters, runs)
        Hyperparameters of each run; the rows are in the order of the optimizer's fields.
    limits : ndarray of float64, shape (3, runs)
        ``tol``, ``grad_tol`` and ``loss_target`` of each run.
    seeds : ndarray of int64, shape (runs,)
        Seed of each run.
    places : ndarray of int64, shape (runs,)
        Position of each run among the configurations that were given.
    backend : {"numba", "numpy", "python"}
        How steps are executed.
    trace : {"none", "log", "every"}
        Which steps the traces keep.
    trace_points : int
        About how many steps a trace keeps if ``trace`` is ``"log"``.
    """

    optimizer: Any
    objective: Any
    noise: Any
    schedule: Any
    n_steps: int
    numbers: NDArray[np.float64]
    limits: NDArray[np.float64]
    seeds: NDArray[np.int64]
    places: NDArray[np.int64]
    backend: str = "numba"
    trace: str = "none"
    trace_points: int = 2

    @property
    def runs(self) -> int:
        """Number of runs."""
        return self.seeds.size

    def part(self, first: int, end: int) -> "Batch":
        """Return the batch of the runs from ``first`` (included) to ``end`` (excluded).

        Parameters
        ----------
        first, end : int
            Positions in this batch.

        Returns
        -------
        Batch
        """
        cut = slice(first, end)
        arrays = {name: getattr(self, name)[..., cut] for name in ("numbers", "limits", "seeds", "places")}
        return replace(self, **arrays)


def batches_of_frame(frame: pl.DataFrame) -> Iterator[Batch]:
    """Yield the batches of a frame of configurations.

    Parameters
    ----------
    frame : polars.DataFrame
        One row per run and one column per swept key; see `adamlab.running.many.minimize_many`.

    Yields
    ------
    Batch

    Raises
    ------
    ConfigurationError
        For a column that is missing or unknown, and for a value out of range.
    """
    _refuse_columns(frame)
    missing = [pl.lit(value).alias(name) for name, value in DEFAULTS.items() if name not in frame.columns]
    frame = frame.with_columns(missing).with_row_index("place")
    varying = ("seed", *LIMITS, "place")
    fixed = [name for name in frame.columns if not name.startswith("optimizer.") and name not in varying]
    for _, rows in frame.group_by(fixed, maintain_order=True):
        yield _batch_of_rows(rows)


def _refuse_columns(frame: pl.DataFrame) -> None:
    single = ("dim", "n_steps", *DEFAULTS, "optimizer", "objective")
    for name in frame.columns:
        if name not in single and name.partition(".")[0] not in GROUPS:
            raise ConfigurationError(f"minimize_many: columns must be swept keys, such as optimizer.lr; it has {name}")
    for name in ("optimizer", "objective", "dim", "n_steps"):
        if name not in frame.columns:
            raise ConfigurationError(
                f"minimize_many: column {name} must be given; the frame has {', '.join(frame.columns)}"
            )
    _refuse_numbers_of_none(frame)


def _batch_of_rows(rows: pl.DataFrame) -> Batch:
    """Return one batch; ``rows`` agree in everything but the hyperparameters, the seed and the limits."""
    shared = rows.row(0, named=True)
    optimizer = leaf_class("optimizer", shared["optimizer"])
    objective = _made("objective", shared, dim=shared["dim"], dtype=shared["dtype"])
    noise = None if shared["noise"] == "none" else _made("noise", shared)
    schedule = _made("schedule", shared)
    check_objective(objective)
    n_steps = N_STEPS.check("minimize_many", "n_steps", shared["n_steps"])
    SEED.check_all("minimize_many", "seed", rows["seed"].to_numpy())
    batch = Batch(
        optimizer=optimizer,
        objective=objective,
        noise=noise,
        schedule=schedule,
        n_steps=n_steps,
        numbers=np.array([_numbers(optimizer, name, rows) for name in parameter_names(optimizer)]).reshape(
            -1, len(rows)
        ),
        limits=np.array([_limit(name, rows) for name in LIMITS]),
        seeds=rows["seed"].to_numpy().astype(np.int64),
        places=rows["place"].to_numpy().astype(np.int64),
        backend=BACKEND.check("minimize_many", "backend", shared["backend"]),
        trace=TRACE_KIND.check("minimize_many", "trace", shared["trace"]),
        trace_points=TRACE_POINTS.check("minimize_many", "trace.points", shared["trace.points"]),
    )
    check_schedule("minimize_many", optimizer, schedule)
    return batch


def _refuse_numbers_of_none(frame: pl.DataFrame) -> None:
    """Refuse a parameter that no class named in the frame has; one that only some of them have is allowed."""
    for group in GROUPS:
        own = [name for name in frame.columns if name.startswith(f"{group}.")]
        given = [name.partition(".")[2] for name in own if frame[name].null_count() < len(frame)]
        chosen = frame[group].unique(maintain_order=True).to_list() if group in frame.columns else [DEFAULTS[group]]
        classes = [leaf_class(group, name) for name in chosen if name != "none"]
        known = {name: None for cls in classes for name in symbols(cls) if name not in ("dim", "dtype")}
        refuse_unknown(" and ".join(cls.__name__ for cls in classes) or f"no {group}", given, known)


def _made(group: str, row: Mapping[str, Any], **settings: Any) -> Any:
    cls = leaf_class(group, row[group])
    given = {name: row.get(f"{group}.{name}") for name in symbols(cls) if name not in settings}
    for name, value in given.items():
        if value is None:
            raise ConfigurationError(f"{cls.__name__}: {group}.{name} must be given")
    return cls(**given, **settings)


def _numbers(optimizer: Any, name: str, rows: pl.DataFrame) -> NDArray[np.float64]:
    """Return one hyperparameter of the optimizer for every run, after checking its range."""
    column = f"optimizer.{name}"
    if column not in rows.columns or rows[column].null_count():
        raise ConfigurationError(f"{optimizer.__name__}: {column} must be given")
    values = rows[column].cast(pl.Float64).to_numpy()
    cast(Number, symbols(optimizer)[name]).check_all(optimizer.__name__, name, values)
    return values


def _limit(name: str, rows: pl.DataFrame) -> NDArray[np.float64]:
    symbol, _ = LIMITS[name]
    values = rows[name].cast(pl.Float64).to_numpy()
    symbol.check_all("stopping", name, values)
    return values


def batches_of_list(configurations: Iterable[Mapping[str, Any]]) -> Iterator[Batch]:
    """Yield the batches of a list of configurations.

    Parameters
    ----------
    configurations : iterable of mapping
        Keyword arguments of `adamlab.running.minimize.minimize`; see `adamlab.running.many.minimize_many`.

    Yields
    ------
    Batch

    Raises
    ------
    ConfigurationError
        For a key that is missing or unknown, and for a value out of range.
    """
    together: dict[tuple[Any, ...], list[tuple[int, Mapping[str, Any]]]] = {}
    for place, given in enumerate(configurations):
        for name in given:
            if name not in (*GROUPS, *LIMITS, "n_steps", "seed", "backend", "trace", "trace_points"):
                raise ConfigurationError(f"minimize_many: a configuration has no {name}")
        for name in ("optimizer", "objective", "n_steps"):
            if name not in given:
                raise ConfigurationError(f"minimize_many: {name} must be given in every configuration")
        check_optimizer("minimize_many", given["optimizer"])
        schedule = given.get("schedule") or Constant()
        shared = (
            type(given["optimizer"]),
            given["objective"],
            given.get("noise"),
            schedule,
            N_STEPS.check("minimize_many", "n_steps", given["n_steps"]),
            BACKEND.check("minimize_many", "backend", given.get("backend", "numba")),
            TRACE_KIND.check("minimize_many", "trace", given.get("trace", "none")),
            TRACE_POINTS.check("minimize_many", "trace_points", given.get("trace_points", 50)),
        )
        check_schedule("minimize_many", given["optimizer"], schedule)
        together.setdefault(shared, []).append((place, given))
    for (optimizer, objective, noise, schedule, n_steps, backend, trace, points), runs in together.items():
        check_objective(objective)
        yield Batch(
            optimizer=optimizer,
            objective=objective,
            noise=noise,
            schedule=schedule,
            n_steps=n_steps,
            numbers=np.array([numbers_of(given["optimizer"]) for _, given in runs]).T.reshape(-1, len(runs)),
            limits=np.array([_limits(given) for _, given in runs]).T,
            seeds=np.array([SEED.check("minimize_many", "seed", given.get("seed", 0)) for _, given in runs]),
            places=np.array([place for place, _ in runs]),
            backend=backend,
            trace=trace,
            trace_points=points,
        )


def _limits(given: Mapping[str, Any]) -> list[float]:
    return [symbol.check("stopping", name, given.get(name, default)) for name, (symbol, default) in LIMITS.items()]
