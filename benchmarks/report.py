"""RESULTS.md from the results: goals first, then everyone's figures, then what they were taken with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Final, TypeAlias

from benchmarks.details import medians, sentences
from benchmarks.features import FEATURES, PLAIN, Feature
from benchmarks.figures import Figure, Results
from benchmarks.goals import GOALS, Goal
from benchmarks.plan import THREADS
from benchmarks.roster import OURS, OURS_ON_SQLITE

MEGABYTE = 1_000_000
STORES = (("redis", "Redis"), ("sqlite", "SQLite"))
Column: TypeAlias = tuple[str, str, float, str]
COLUMNS: Final[tuple[Column, ...]] = (
    ("enqueue_one", "enqueue/s, one by one", 1.0, ",.0f"),
    ("enqueue_many", "enqueue/s, 100 callers", 1.0, ",.0f"),
    ("enqueue_bulk", "enqueue/s, 10,000 a call", 1.0, ",.0f"),
    ("drain", "drain/s", 1.0, ",.0f"),
    ("drain_threads", f"drain/s, {THREADS} threads", 1.0, ",.0f"),
    ("round_trip_p50", "round trip p50, ms", 1_000, ",.2f"),
    ("round_trip_p99", "p99, ms", 1_000, ",.2f"),
    ("round_trip_memory", "worker, MB", 1 / MEGABYTE, ",.0f"),
)


def render(results: Results, plots: Sequence[Path]) -> str:
    """The whole page; `plots` are files beside it."""
    sections = [_head(results), _goals(results), *_peers(results), _plots(plots), _alone(results), _features(results)]
    sections += [_failures(results), _settings(results)]
    return "\n\n".join(section for section in sections if section) + "\n"


def _head(results: Results) -> str:
    machine = results["machine"]
    others = [share for peer in results["peers"].values() for share in peer["rounds"].get("others", [0.0])]
    return (
        f"# Benchmark results\n\n"
        f"Taken on {results['date']} in {results['minutes']:.0f} minutes on {machine['processor']}, "
        f"{machine['cores']} cores, {machine['system']}, {machine['python']}, with {results['server']} on loopback, "
        f"without persistence. A figure with brackets is the median of {results['rounds']} rounds, with the lowest and "
        f"the highest; those without were taken once. Other programs took {median(others):.0%} of the processor, "
        f"{max(others):.0%} at most, just before each turn. The same figures are in `results.json`; "
        f"[README.md](README.md) says how to run this and how to read it."
    )


def _goals(results: Results) -> str:
    rows = [_goal_row(goal, goal.figure(results)) for goal in GOALS]
    return "## Goals\n\n" + _table(("what", "goal", "measured", "met"), rows)


def _goal_row(goal: Goal, figure: Figure | None) -> tuple[str, ...]:
    wanted = f"{goal.sense} {goal.bound:,g} {goal.unit}"
    if figure is None:
        return (goal.what, wanted, "not measured", "")
    measured = _with_spread(*(f"{value:,.2f}" for value in (figure.value, figure.lowest, figure.highest)))
    return (goal.what, wanted, measured, "yes" if goal.is_met(figure.value) else "**no**")


def _peers(results: Results) -> list[str]:
    parts = [_peers_on(results, store, title) for store, title in STORES]
    return [*parts, "† Its callers are plain functions: both enqueue columns are one caller, serially."]


def _peers_on(results: Results, store: str, title: str) -> str:
    """The table of one store, limits first, then the fastest drain."""
    peers = {
        name: peer for name, peer in results["peers"].items() if peer["store"] == store and peer["role"] != "server"
    }
    columns = [column for column in COLUMNS if any(column[0] in peer["rounds"] for peer in peers.values())]
    if not columns:
        return ""
    names = sorted(peers, key=lambda name: (peers[name]["role"] == "peer", -peers[name]["median"].get("drain", 0)))
    head = ("", *(heading for _, heading, _, _ in columns))
    return f"## {title}\n\n" + _table(head, [_peer_row(name, peers[name], columns) for name in names], numbers=True)


def _peer_row(name: str, peer: Results, columns: Sequence[Column]) -> tuple[str, ...]:
    shown = f"**{name}**" if name in (OURS, OURS_ON_SQLITE) else name if peer["role"] == "peer" else f"*limit: {name}*"
    marked = f"{shown} †" if peer["serial"] else shown
    return (marked, *(_cell(peer, measure, scale, form) for measure, _, scale, form in columns))


def _cell(peer: Results, measure: str, scale: float, form: str) -> str:
    figures = [figure * scale for figure in peer["rounds"].get(measure, [])]
    if not figures:
        return "failed" if any(measure.startswith(failed) for failed in peer["failures"]) else ""
    return _with_spread(
        *(format(value, form) for value in (peer["median"][measure] * scale, min(figures), max(figures)))
    )


def _with_spread(middle: str, lowest: str, highest: str) -> str:
    return middle if lowest == highest else f"{middle} ({lowest} to {highest})"


def _alone(results: Results) -> str:
    lines = [f"- {sentence}" for sentence in sentences(results)]
    return "## More of aioqueue\n\n" + "\n".join(lines) if lines else ""


def _features(results: Results) -> str:
    middle = medians(results, OURS)
    if f"features_{PLAIN.name}" not in middle:
        return ""
    head = ("in use", "drain/s", "of the plain drain", "worker's processor, µs a job", "more than plain")
    rows = [_feature_row(feature, middle) for feature in (PLAIN, *FEATURES)]
    return "## What a feature costs when it is used\n\n" + _table(head, rows, numbers=True)


def _feature_row(feature: Feature, middle: Mapping[str, float]) -> tuple[str, ...]:
    rate, plain_rate = (middle[f"features_{name}"] for name in (feature.name, PLAIN.name))
    took, plain_took = (middle[f"features_{name}_processor"] * 1_000_000 for name in (feature.name, PLAIN.name))
    return (feature.said, f"{rate:,.0f}", f"{rate / plain_rate:.2f}", f"{took:,.1f}", f"{took - plain_took:+,.1f}")


def _plots(plots: Sequence[Path]) -> str:
    if not plots:
        return ""
    return "## Plots\n\n" + "\n\n".join(f"![{plot.stem}]({plot.name})" for plot in plots)


def _failures(results: Results) -> str:
    lines = [
        f"- {name}, {measure}: {reason}"
        for name, peer in results["peers"].items()
        for measure, reason in peer["failures"].items()
    ]
    return "## Failed\n\n" + "\n".join(lines) if lines else ""


def _settings(results: Results) -> str:
    rows = [(name, str(peer["setting"]), _versions(peer)) for name, peer in results["peers"].items()]
    return "## Settings and versions\n\n" + _table(("", "setting", "versions"), rows)


def _versions(peer: Results) -> str:
    return ", ".join(f"{name} {version}" for name, version in peer["versions"].items())


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]], *, numbers: bool = False) -> str:
    rule = ("---", *("---:" if numbers else "---" for _ in head[1:]))
    return "\n".join("| " + " | ".join(row) + " |" for row in (head, rule, *rows))
