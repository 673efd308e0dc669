"""The growth of a run's time with its number of steps."""

import numpy as np
import polars as pl
from matplotlib.figure import Figure

from adamlab.records.reading import Study
from adamlab.records.schema import Kind
from reports import seed_time, style

STUDY = "seed"
KIND: Kind = "timings"
COMMAND = seed_time.COMMAND
TITLE = "Does the cost grow linearly with the number of steps?"
QUESTION = (
    "The seed reports linear growth over 100, 1,000 and 10,000 steps. Fitted to the median time of a run: an exponent "
    "(1 is linear), and a straight line: its slope, its intercept (the set-up), and how far it misses at worst."
)


def table(study: Study) -> pl.DataFrame:
    """Return a row per implementation: the exponent of the run's time in its steps, and a straight-line fit."""
    rows = []
    measured = seed_time.table(study).filter(pl.col("samples").is_not_null()).sort("form", "steps")
    for (form,), points in measured.group_by("form", maintain_order=True):
        steps, run = points["steps"].to_numpy().astype(float), points["us_per_run"].to_numpy()
        exponent, _ = np.polyfit(np.log(steps), np.log(run), 1)
        # Weights of 1/time make the fit minimise relative errors, so that short runs count as much as long ones.
        per_step, set_up = np.polyfit(steps, run, 1, w=1 / run)
        worst = np.max(np.abs(set_up + per_step * steps - run) / run)
        rows.append((form, exponent, 1e3 * per_step, set_up, 100 * worst))
    names = ["form", "exponent", "ns_per_step", "intercept_us", "worst_misfit_percent"]
    return pl.DataFrame(rows, schema=names, orient="row")


def answer(study: Study) -> str:
    """Return the answer in one or two sentences, computed from the table."""
    rows = table(study)
    lazy = pl.col("form").str.starts_with("rust-lazy") & ~pl.col("form").str.contains("hoisted")
    others, slow = rows.filter(~lazy), rows.filter(lazy)
    exponents = others["exponent"].to_list()
    text = (
        f"{'All exponents' if slow.is_empty() else 'The exponents of all but the lazy Rust form'} lie between "
        f"{min(exponents):.2f} and {max(exponents):.2f}; below 1 is set-up, which a longer run "
        "dilutes."
    )
    if slow.is_empty():
        return text
    return (
        f"{text} The lazy form's is {max(slow['exponent'].to_list()):.2f}: the larger the step's number, the more "
        "multiplications its powers of beta cost, for every coordinate."
    )


def figure(study: Study) -> Figure:
    """Draw time per run against its number of steps, with the fitted lines."""
    drawn, (axes,) = style.panels([4.2])
    points, lines = seed_time.table(study), table(study)
    shown = {
        "adam, python": (style.PURPLE, "^"),
        "adam, numpy": (style.SKY, "s"),
        "rust-lazy": (style.ORANGE, "v"),
        "rust-printed": (style.VERMILION, "D"),
        "adam, numba": (style.BLUE, "o"),
        "adam_reordered, numba": (style.GREEN, "o"),
    }
    for form, (colour, marker) in shown.items():
        run = points.filter(pl.col("form") == form).sort("steps")
        if run.is_empty():
            continue
        fit = lines.row(by_predicate=pl.col("form") == form, named=True)
        steps = np.geomspace(run["steps"][0], run["steps"][-1], 60)
        axes.plot(steps, fit["intercept_us"] + 1e-3 * fit["ns_per_step"] * steps, color=colour, linewidth=1)
        axes.plot(run["steps"], run["us_per_run"], marker, color=colour, markersize=6, label=form)
    axes.set(xscale="log", yscale="log", title="Time per run", xlabel="steps", ylabel="microseconds")
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.14), ncols=2)
    return drawn
