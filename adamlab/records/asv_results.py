"""Read the result files of airspeed velocity (asv).

asv keeps one folder per machine, which holds one JSON file per commit and environment, and beside these folders the
file ``benchmarks.json``, which describes each benchmark. A benchmark with parameters has one value for each point of
their product.
"""

import itertools
import json
import math
from ast import literal_eval
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl

from adamlab.rules.symbols import ConfigurationError

SCHEMA: dict[str, Any] = {
    "machine": pl.String,
    "environment": pl.String,
    "commit": pl.String,
    "date": pl.Datetime("ms", "UTC"),
    "benchmark": pl.String,
    "point": pl.String,
    "unit": pl.String,
    "status": pl.String,
    "value": pl.Float64,
    "lower_quartile": pl.Float64,
    "upper_quartile": pl.Float64,
    "rounds": pl.Int64,
    "samples": pl.List(pl.Float64),
}
_DESCRIPTION, _MACHINE = "benchmarks.json", "machine.json"


def read_results(folder: Path) -> pl.DataFrame:
    """Return one row per machine, environment, commit, benchmark and point, oldest commit first.

    Parameters
    ----------
    folder : Path
        asv's folder of results.

    Returns
    -------
    polars.DataFrame
        Without rows if nothing was measured. The columns are those of `SCHEMA`:

        * ``machine``, ``environment``, ``commit``, ``benchmark`` : String, asv's names and the commit's hash;
        * ``date`` : Datetime in UTC, the date of the commit;
        * ``point`` : String, the parameters (``adam, dim=128 steps=5000``), empty for a benchmark without parameters;
        * ``unit`` : String, the unit of ``value``;
        * ``status`` : String, ``measured``, ``skipped`` (the commit lacks what is measured) or ``failed``;
        * ``value`` : Float64, asv's value (the median in seconds per call for a time); null if not measured;
        * ``lower_quartile``, ``upper_quartile`` : Float64, null for benchmarks that do not measure a time;
        * ``rounds`` : Int64, number of rounds in which the samples were taken;
        * ``samples`` : List(Float64), the samples, round after round; null if asv did not record them.

        Results of a version of a benchmark other than the present one are left out.

    Raises
    ------
    ConfigurationError
        For a file that is not one of asv's.
    """
    described = _described(folder)
    rows = itertools.chain.from_iterable(_rows(file, described) for file in result_files(folder))
    return pl.DataFrame(list(rows), schema=SCHEMA, orient="row").sort("date", "machine", "benchmark", "point")


def result_files(folder: Path) -> list[Path]:
    """Return the files of results, one per machine, commit and environment, in alphabetical order.

    Parameters
    ----------
    folder : Path
        asv's folder of results.

    Returns
    -------
    list of Path
    """
    return sorted(path for path in folder.glob("*/*.json") if path.name != _MACHINE)


def origin(file: Path) -> dict[str, str]:
    """Return the provenance of a file of results.

    Parameters
    ----------
    file : Path
        One of `result_files`.

    Returns
    -------
    dict of str to str
        Under the keys of `adamlab.records.provenance.provenance`. ``time`` is when the last benchmark began.

    Raises
    ------
    ConfigurationError
        If the file is not one of asv's.
    """
    content = _load(file)
    machine, measured = (
        content["params"],
        max((row[_column(content, "started_at")] for row in _measured(content)), default=0),
    )
    return {
        "time": datetime.fromtimestamp(measured / 1000, UTC).isoformat(timespec="seconds"),
        "command": "asv run",
        "git_commit": content["commit_hash"],
        "git_clean": "true",
        "machine": f"{machine.get('cpu')}, {machine.get('num_cpu')} cores, {machine.get('os')} {machine.get('arch')}",
        "python": content["python"],
        "packages": json.dumps({}),
    }


def _described(folder: Path) -> dict[str, Any]:
    path = folder / _DESCRIPTION
    return {name: about for name, about in _load(path).items() if isinstance(about, dict)} if path.exists() else {}


def _load(path: Path) -> dict[str, Any]:
    try:
        content: dict[str, Any] = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise ConfigurationError(
            f"benchmarks: {path} is not a result file of asv; move it to another folder"
        ) from error
    return content


def _measured(content: Mapping[str, Any]) -> list[list[Any]]:
    place = _column(content, "started_at")
    return [row for row in content["results"].values() if len(row) > place and row[place] is not None]


def _column(content: Mapping[str, Any], name: str) -> int:
    return int(content["result_columns"].index(name))


def _rows(file: Path, described: Mapping[str, Any]) -> Iterator[tuple[Any, ...]]:
    content = _load(file)
    try:
        machine, commit, columns = content["params"]["machine"], content["commit_hash"], content["result_columns"]
        date = datetime.fromtimestamp(content["date"] / 1000, UTC)
        results = {name: dict(zip(columns, row, strict=False)) for name, row in content["results"].items()}
    except (KeyError, TypeError) as error:
        raise ConfigurationError(
            f"benchmarks: {file} is not a result file of asv; move it to another folder"
        ) from error
    for name, result in results.items():
        about = described.get(name)
        if about is None or str(result["version"]) != str(about["version"]):
            continue
        for place, point in enumerate(_points(result["params"])):
            value, lower, upper, samples = (_at(result, key, place) for key in _KEYS)
            known = value is not None and not math.isnan(value)
            status = "measured" if known else "failed" if value is None else "skipped"
            yield (
                machine, content["env_name"], commit, date, name, point, about["unit"], status,
                float(value) if known else None, lower, upper, int(about.get("rounds", 1)), samples,
            )  # fmt: skip


_KEYS = ("result", "stats_q_25", "stats_q_75", "samples")


def _points(parameters: list[list[str]]) -> list[str]:
    """Return the points of the product of the parameters, in asv's order; asv stores each value as its ``repr``."""
    return [", ".join(map(_spoken, point)) for point in itertools.product(*parameters)]


def _spoken(value: str) -> str:
    return str(literal_eval(value)) if value[:1] in "'\"" else value


def _at(result: Mapping[str, Any], key: str, place: int) -> Any:
    values = result.get(key)
    return None if values is None else values[place]
