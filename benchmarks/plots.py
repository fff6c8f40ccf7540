"""The plots of RESULTS.md, as SVG files that can be read on white and on black: transparent, in middle tones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.figures import Results
from benchmarks.roster import BARE, OURS, OURS_ON_SQLITE

INK: Final = "#808080"
ACCENT: Final = "#d9480f"
OTHERS: Final = (
    "#1c7ed6",
    "#2f9e44",
    "#ae3ec9",
    "#f08c00",
    "#0c8599",
    "#e64980",
    "#74b816",
    "#7950f2",
    "#a0522d",
    "#b8860b",
)
STYLE: Final[dict[Any, object]] = {
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": INK,
    "grid.alpha": 0.25,
    "font.size": 9,
    "legend.frameon": False,
    "legend.fontsize": 8,
    "svg.fonttype": "none",
    "svg.hashsalt": "aioqueue",
}
Draw = Callable[[Axes, Results], None]


def draw(results: Results, place: Path) -> list[Path]:
    """Write a file for each group of plots that there are figures for, and return them."""
    with mpl.rc_context(STYLE):
        groups = {"throughput.svg": _THROUGHPUT, "latency.svg": _LATENCY}
        return [place / name for name, plots in groups.items() if _draw_group(results, plots, place / name)]


def _draw_group(results: Results, plots: Sequence[tuple[str, Draw]], path: Path) -> bool:
    columns = 2
    lines = (len(plots) + 1) // columns
    figure = Figure(figsize=(9.0, 3.2 * lines), layout="constrained")
    axes = figure.subplots(lines, columns, squeeze=False)
    for (title, drawing), place in zip(plots, axes.flat, strict=True):
        place.set_title(title, fontsize=10)
        drawing(place, results)
    has_any = any(place.has_data() for place in axes.flat)
    if has_any:
        figure.savefig(path, format="svg", transparent=True, metadata={"Date": None})
    return has_any


# ---------------------------------------------------------------------- throughput
def _concurrency(axes: Axes, results: Results) -> None:
    _curve(axes, results, OURS, "concurrency_{}", results["concurrencies"])
    _label(axes, "jobs at once")


def _depth(axes: Axes, results: Results) -> None:
    _curve(axes, results, OURS, "depth_{}_drain", results["depths"])
    _label(axes, "jobs in the queue")


def _payload(axes: Axes, results: Results) -> None:
    sizes = [size for size, _ in results["payloads"]]
    _curve(axes, results, OURS, "payload_{}", sizes)
    _curve(axes, results, BARE, "payload_{}", sizes)
    _label(axes, "bytes of payload")


def _processes(axes: Axes, results: Results) -> None:
    _curve(axes, results, OURS, "processes_{}", results["processes"])
    _label(axes, "worker processes")
    axes.set_xscale("linear")
    axes.set_xticks(results["processes"])


def _curve(axes: Axes, results: Results, peer: str, measure: str, steps: Sequence[int]) -> None:
    middle = results["peers"].get(peer, {}).get("median", {})
    known = [step for step in steps if measure.format(step) in middle]
    if known:
        colour = ACCENT if peer == OURS else INK
        axes.plot(known, [middle[measure.format(step)] for step in known], "o-", color=colour, label=peer)


def _label(axes: Axes, what: str) -> None:
    axes.set_xscale("log")
    axes.set_xlabel(what)
    axes.set_ylabel("jobs/s")
    if axes.has_data():
        axes.set_ylim(bottom=0)
        axes.legend()


# ---------------------------------------------------------------------- latency
def _round_trips(axes: Axes, results: Results) -> None:
    colours = iter(OTHERS * 2)
    for name, peer in results["peers"].items():
        if rows := peer["series"].get("round_trip_percentiles"):
            colour = ACCENT if name in (OURS, OURS_ON_SQLITE) else INK if name == BARE else next(colours)
            _distribution(axes, rows, name, colour, "--" if name in (OURS_ON_SQLITE, BARE) else "-")
    axes.set_xlabel("round trip, ms")
    axes.set_xscale("log")
    _share(axes)


def _lateness(axes: Axes, results: Results) -> None:
    if rows := results["peers"].get(OURS, {}).get("series", {}).get("lateness_percentiles"):
        _distribution(axes, rows, OURS, ACCENT, "-")
    axes.set_xlabel("begun so late after its time, ms")
    _share(axes)


def _distribution(axes: Axes, rows: Sequence[Sequence[float]], name: str, colour: str, line: str) -> None:
    """One line from the percentiles of all rounds: their middle."""
    middle = [sorted(column)[len(column) // 2] * 1_000 for column in zip(*rows, strict=True)]
    axes.plot(middle, range(len(middle)), line, color=colour, label=name, linewidth=2 if colour == ACCENT else 1.2)


def _share(axes: Axes) -> None:
    axes.set_ylabel("% within")
    axes.set_ylim(0, 100)
    if axes.has_data():
        axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))


_THROUGHPUT: Final[tuple[tuple[str, Draw], ...]] = (
    ("Throughput against concurrency", _concurrency),
    ("against the depth of the queue", _depth),
    ("against payload", _payload),
    ("against processes, 1 ms of Python a job", _processes),
)
_LATENCY: Final[tuple[tuple[str, Draw], ...]] = (
    ("Round trips, two processes", _round_trips),
    ("Scheduled jobs on an idle worker", _lateness),
)
