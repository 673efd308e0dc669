"""The seed's statements about convergence, compared with the records."""

from typing import Any

import polars as pl
from matplotlib.figure import Figure

from adamlab.records.reading import Study
from adamlab.records.schema import Kind
from reports import seed, style

STUDY = "seed"
KIND: Kind = "runs"
COMMAND = "python experiments/converge.py +study=seed"
TITLE = "Does Adam converge on the sphere as the seed says?"
QUESTION = (
    "The seed reports around 3700 steps at learning rate 0.01, and no convergence at 0.001 within 100 steps: "
    "a run has converged when a step is shorter than the tolerance."
)
# The number of steps that the seed's text reports.
SEED_STEPS = 3700

_RUN = ["optimizer", "optimizer.lr", "n_steps"]
_OUTCOME = ["status", "steps", "loss"]


def table(study: Study) -> pl.DataFrame:
    """Return a row per outcome of each run of the printed and the reordered form, with the backends that gave it."""
    return (
        seed.runs(study)
        .sort("backend")
        .group_by(_RUN + _OUTCOME, maintain_order=True)
        .agg(pl.col("backend").str.join(", ").alias("backends"))
        .sort(_RUN)
    )


def answer(study: Study) -> str:
    """Return the answer in one or two sentences, computed from the table."""
    rows = table(study)
    fast = rows.filter(pl.col("optimizer.lr") == seed.FAST, pl.col("n_steps") == max(seed.STEPS))
    ends = sorted({f"{row['steps']:,}" for row in fast.iter_rows(named=True) if row["status"] == "converged"})
    text = (
        f"At learning rate {seed.FAST} the run converges after {' or '.join(ends)} steps "
        f"(the seed: around {SEED_STEPS})."
        if ends
        else f"At learning rate {seed.FAST} no run converges within {max(seed.STEPS):,} steps."
    )
    slow = rows.filter(pl.col("optimizer.lr") == seed.SLOW, pl.col("n_steps") == min(seed.STEPS))
    if not slow.is_empty():
        some = "some run converges" if (slow["status"] == "converged").any() else "none does"
        text += f" Within {min(seed.STEPS)} steps at {seed.SLOW}, {some}."
    agree = rows.group_by(_RUN).len()["len"].to_list()
    return f"{text} {'All backends agree' if set(agree) == {1} else 'The backends do not agree'} to the last bit."


def figure(study: Study) -> Figure:
    """Draw loss and step length along the longest run of each form and learning rate."""
    drawn, (loss, length) = style.panels([2.9, 2.9])
    longest = seed.runs(study).filter(pl.col("n_steps") == max(seed.STEPS)).unique(_RUN, keep="first")
    colours = {seed.SLOW: style.BLUE, seed.FAST: style.VERMILION}
    # The lines of the two forms nearly coincide, so one is broad and pale and the other thin.
    strokes = {"adam": {"linewidth": 6, "alpha": 0.3}, "adam_reordered": {"linewidth": 1.3}}
    for run in longest.sort("optimizer", "optimizer.lr").iter_rows(named=True):
        points = study.trace.filter(pl.col("run_id") == run["run_id"], pl.col("step") > 0).sort("step")
        stroke: dict[str, Any] = {"color": colours[run["optimizer.lr"]], **strokes[run["optimizer"]]}
        loss.plot(points["step"], points["loss"], label=f"{run['optimizer']}, lr {run['optimizer.lr']:g}", **stroke)
        length.plot(points["step"], points["step_norm"], **stroke)
        if run["status"] == "converged" and "alpha" not in stroke:
            end = (run["steps"], points["step_norm"][-1])
            length.plot(*end, "o", color=stroke["color"], markersize=5)
            length.annotate(f"{run['steps']:,} steps", end, xytext=(7, 5), textcoords="offset points", fontsize=8.5)
    tolerance = longest["tol"][0]
    length.axhline(tolerance, color=style.QUIET, linewidth=1)
    length.annotate("tolerance", (1, tolerance), xytext=(2, 3), textcoords="offset points", color=style.QUIET)
    for axes, title in ((loss, "Loss"), (length, "Length of a step")):
        axes.set(xscale="log", yscale="log", title=title)
    length.set_xlabel("step")
    loss.legend(fontsize=8.5)
    return drawn
