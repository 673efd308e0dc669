"""Draw every report from the records alone: CSV, SVG and PNG files, and one page, ``reports/out/index.html``.

Usage: ``python reports/build.py [study=<name>] [results=<folder>] [out=<folder>]``. No experiment is run.

The folder is the registry: a report is a module in it that defines

* ``STUDY`` and ``KIND``: the study and the kind of records that the report reads;
* ``COMMAND``: the command that makes these records;
* ``TITLE`` and ``QUESTION``: the texts above the answer on the page;
* ``table(study) -> polars.DataFrame``: the numbers, as the page and the CSV file show them;
* ``answer(study) -> str``: the answer in a few sentences, computed from the records;
* ``figure(study) -> matplotlib.figure.Figure``.

The functions take an `adamlab.records.reading.Study` and raise `reports.missing_records.MissingRecords` if the records
do not suffice. A study that no report reads is shown by `reports.any_sweep`.
"""

import importlib
import json
import math
import pkgutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2

from adamlab.records.options import chosen_options
from adamlab.records.reading import Study
from adamlab.rules.symbols import ConfigurationError
from reports import any_sweep, style
from reports.missing_records import MissingRecords

HERE = Path(__file__).parent
DEFAULTS = {"study": "", "results": "results", "out": str(HERE / "out")}
# Headings of columns on the page and in the terminal; other columns are headed by their names.
HEADINGS = {
    "optimizer.lr": "lr",
    "n_steps": "steps allowed",
    "us_per_run": "µs per run",
    "ns_per_step": "ns per step",
    "ns_per_step_lo": "95% from",
    "ns_per_step_hi": "to",
    "floor_ns_per_step": "floor",
    "times_floor": "× floor",
    "times_floor_lo": "95% from",
    "times_floor_hi": "to",
    "intercept_us": "intercept µs",
    "worst_misfit_percent": "worst misfit %",
}


@dataclass(frozen=True)
class Section:
    """One report as the page shows it.

    Attributes
    ----------
    name : str
        The report's module, and the stem of its files.
    title, question, answer : str
        Texts of the page.
    headings : list of str
        One heading per column of the table.
    rows : list of list of str
        The table's cells as text.
    numeric : list of bool
        Whether each column holds numbers.
    provenance : list of dict
        One entry per file of records.
    """

    name: str
    title: str
    question: str
    answer: str
    headings: list[str]
    rows: list[list[str]]
    numeric: list[bool]
    provenance: list[dict[str, str]]


def main(arguments: list[str]) -> int:
    """Build the reports that the command line asks for, and print their answers and tables.

    Parameters
    ----------
    arguments : list of str
        The command line without the program's name.

    Returns
    -------
    int
        Exit code: 0, or 2 if the arguments are wrong, there are no records, or a file cannot be read or written.
    """
    try:
        options = chosen_options("build", arguments, DEFAULTS)
        reports = _reports(options["study"], Path(options["results"]))
        sections = [_build(report, Path(options["results"]), Path(options["out"])) for report in reports]
        built = [section for section in sections if section is not None]
        if not built:
            commands = " and ".join(dict.fromkeys(report.COMMAND for report in reports))
            raise ConfigurationError(f"build: there are no records in {options['results']}; first run {commands}")
        page = Path(options["out"]) / "index.html"
        page.write_text(_template().render(sections=built), encoding="utf-8")
    except ConfigurationError as error:
        print(error, file=sys.stderr)
        return 2
    except OSError as error:
        print(f"build: {error.filename}: {error.strerror}", file=sys.stderr)
        return 2
    for section in built:
        _print(section)
    print(f"report: {page}")
    return 0


def _reports(study: str, results: Path) -> list[Any]:
    """Return the reports on one study, or all reports by name, then one for each study that no report reads."""
    names = [module.name for module in pkgutil.iter_modules([str(HERE)])]
    modules = [importlib.import_module(f"reports.{name}") for name in names if name != "build"]
    modules = [module for module in modules if hasattr(module, "TITLE")]
    asked = {module.STUDY for module in modules}
    others = sorted(path.parent.name for path in results.glob("*/runs") if path.parent.name not in asked)
    if study and study not in {*asked, *others}:
        raise ConfigurationError(f"build: study must be one of {', '.join(sorted({*asked, *others}))}; it is {study!r}")
    reports = [*modules, *(any_sweep.of(other) for other in others)]
    return [report for report in reports if study in ("", report.STUDY)]


def _build(report: Any, results: Path, out: Path) -> Section | None:
    """Write a report's files and return its section of the page; return None if its records are missing."""
    study = Study(results, report.STUDY)
    provenance = study.provenance(report.KIND)
    name = report.__name__.rpartition(".")[2]
    if not provenance:
        print(f"{name}: left out, because it has no records; first run {report.COMMAND}")
        return None
    try:
        with style.look():
            table, answer, figure = report.table(study), report.answer(study), report.figure(study)
    except MissingRecords as reason:
        print(f"{name}: left out, because {reason}; first run {report.COMMAND}")
        return None
    out.mkdir(parents=True, exist_ok=True)
    table.write_csv(out / f"{name}.csv")
    with style.look():
        style.save(figure, out / name, _source(provenance))
    return Section(
        name=name,
        title=report.TITLE,
        question=report.QUESTION,
        answer=answer,
        headings=[HEADINGS.get(column, column) for column in table.columns],
        rows=[[_shown(value) for value in row] for row in table.iter_rows()],
        numeric=[dtype.is_numeric() for dtype in table.dtypes],
        provenance=[_readable(entry) for entry in provenance],
    )


def _source(provenance: list[dict[str, str]]) -> str:
    last = _readable(provenance[-1])
    return f"adamlab {last['git_commit']}, {last['machine']}, {last['time']}"


def _readable(entry: Mapping[str, str]) -> dict[str, str]:
    """Return a file's provenance in readable form, with all package versions in one line."""
    packages = json.loads(entry["packages"])
    state = {"true": "", "false": " with uncommitted changes"}.get(entry["git_clean"], "")
    return {
        **entry,
        "git_commit": entry["git_commit"][:12] + state,
        "packages": ", ".join(f"{name} {version}" for name, version in packages.items()),
    }


def _shown(value: Any) -> str:
    """Return a value as the page shows it; a float has four digits here and all digits in the CSV file."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if not isinstance(value, float):
        return str(value)
    if not math.isfinite(value) or value == 0 or not 1e-3 <= abs(value) < 1e7:
        return f"{value:.4g}"
    decimals = max(0, 3 - math.floor(math.log10(abs(value))))
    text = f"{value:,.{decimals}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _print(section: Section) -> None:
    """Print a section's title, answer and table in the terminal."""
    print(f"{section.title}\n{section.answer}\n")
    columns = [[heading, *cells] for heading, *cells in zip(section.headings, *section.rows, strict=True)]
    widths = [max(map(len, column)) for column in columns]
    for line in zip(*columns, strict=True):
        cells = zip(line, widths, section.numeric, strict=True)
        print("  ".join(cell.rjust(width) if right else cell.ljust(width) for cell, width, right in cells).rstrip())
    print()


def _template() -> jinja2.Template:
    loader = jinja2.FileSystemLoader(HERE)
    environment = jinja2.Environment(loader=loader, autoescape=True, undefined=jinja2.StrictUndefined)
    return environment.get_template("page.html.jinja")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
