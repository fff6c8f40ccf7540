"""RESULTS.md from the results: goals first, then everyone's figures, then what they were taken with."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from benchmarks.goals import GOALS, Figure, Goal, Results
from benchmarks.roster import OURS, OURS_ON_SQLITE

MEGABYTE = 1_000_000
STORES = (("redis", "Redis"), ("sqlite", "SQLite"))
COLUMNS = (
    ("enqueue_one", "enqueue/s, one by one", 1.0, ",.0f"),
    ("enqueue_many", "enqueue/s, 100 callers", 1.0, ",.0f"),
    ("drain", "drain/s", 1.0, ",.0f"),
    ("round_trip_p50", "round trip p50, ms", 1_000, ",.2f"),
    ("round_trip_p99", "p99, ms", 1_000, ",.2f"),
    ("round_trip_memory", "worker, MB", 1 / MEGABYTE, ",.0f"),
)


def render(results: Results) -> str:
    """The whole page."""
    sections = [_head(results), _goals(results), *_peers(results), _alone(results), _failures(results)]
    sections.append(_settings(results))
    return "\n\n".join(section for section in sections if section) + "\n"


def _head(results: Results) -> str:
    machine = results["machine"]
    others = [share for peer in results["peers"].values() for share in peer["rounds"].get("others", [0.0])]
    return (
        f"# Benchmark results\n\n"
        f"Taken on {results['date']} in {results['minutes']:.0f} minutes on {machine['processor']}, "
        f"{machine['cores']} cores, {machine['system']}, {machine['python']}, with {results['server']} on loopback, "
        f"without persistence. Each figure is the median of {results['rounds']} rounds, in brackets the lowest and the "
        f"highest round. Other programs took {median(others):.0%} of the processor, {max(others):.0%} at most, just "
        f"before each turn. The same figures are in `results.json`; [README.md](README.md) says how to run this and "
        f"how to read it."
    )


def _goals(results: Results) -> str:
    rows = [_goal_row(goal, goal.figure(results)) for goal in GOALS]
    return "## Goals\n\n" + _table(("what", "goal", "measured", "met"), rows)


def _goal_row(goal: Goal, figure: Figure | None) -> tuple[str, ...]:
    wanted = f"{goal.sense} {goal.bound:g} {goal.unit}"
    if figure is None:
        return (goal.what, wanted, "not measured", "")
    measured = _with_spread(f"{figure.value:.2f}", f"{figure.lowest:.2f}", f"{figure.highest:.2f}")
    return (goal.what, wanted, measured, "yes" if goal.is_met(figure.value) else "**no**")


def _peers(results: Results) -> list[str]:
    parts = [_peers_on(results, store, title) for store, title in STORES]
    return [*parts, "† Its callers are plain functions: both enqueue columns are one caller, serially."]


def _peers_on(results: Results, store: str, title: str) -> str:
    """The table of one store, the fastest drain first."""
    peers = {name: peer for name, peer in results["peers"].items() if peer["store"] == store}
    if not peers:
        return ""
    names = sorted(peers, key=lambda name: -peers[name]["median"].get("drain", 0))
    head = ("", *(heading for _, heading, _, _ in COLUMNS))
    return f"## {title}\n\n" + _table(head, [_peer_row(name, peers[name]) for name in names], numbers=True)


def _peer_row(name: str, peer: Results) -> tuple[str, ...]:
    shown = f"**{name}**" if name in (OURS, OURS_ON_SQLITE) else name
    marked = f"{shown} †" if peer["serial"] else shown
    return (marked, *(_cell(peer, measure, scale, form) for measure, _, scale, form in COLUMNS))


def _cell(peer: Results, measure: str, scale: float, form: str) -> str:
    figures = [figure * scale for figure in peer["rounds"].get(measure, [])]
    if not figures:
        return "failed"
    return _with_spread(
        *(format(value, form) for value in (peer["median"][measure] * scale, min(figures), max(figures)))
    )


def _with_spread(middle: str, lowest: str, highest: str) -> str:
    return middle if lowest == highest else f"{middle} ({lowest} to {highest})"


def _alone(results: Results) -> str:
    middle = results["peers"].get(OURS, {}).get("median", {})
    lines = [*_startup(results, middle), *_idleness(results, middle), *_depths(results, middle)]
    return "## aioqueue on Redis alone\n\n" + "\n".join(lines) if lines else ""


def _startup(results: Results, middle: dict[str, float]) -> list[str]:
    if "startup_help" not in middle:
        return []
    took = {name: f"{middle[f'startup_{name}'] * 1_000:.1f} ms" for name in ("python", "check", "import", "help")}
    line = (
        f"- Start-up, from the start of the process to its end, the median of {results['starts']}: `aioqueue --help` "
        f"{took['help']}, `import aioqueue` {took['import']}, a probe by `aioqueue check --pidfile` {took['check']}; "
        f"`python -c pass` {took['python']}."
    )
    return [line]


def _idleness(results: Results, middle: dict[str, float]) -> list[str]:
    seconds, depths = results["idle_seconds"], results["depths"]
    lines = []
    if "idle_sent" in middle:
        lines.append(f"- An idle worker, over {seconds:.0f} s: {_asked('idle', middle)}")
    if "idle_scheduled_sent" in middle:
        lines.append(f"- The same with {depths[-1]:,} jobs scheduled, none due: {_asked('idle_scheduled', middle)}")
    return lines


def _asked(measure: str, middle: dict[str, float]) -> str:
    return (
        f"{middle[f'{measure}_sent']:.2f} commands a second sent to Redis ({middle[f'{measure}_executed']:.2f} "
        f"executed there, those inside scripts included), {middle[f'{measure}_processor']:.2%} of one core and "
        f"{middle[f'{measure}_memory'] / MEGABYTE:,.1f} MB."
    )


def _depths(results: Results, middle: dict[str, float]) -> list[str]:
    return [
        f"- With {depth:,} jobs queued: drained at {middle[f'depth_{depth}_drain']:,.0f}/s; the worker's memory was "
        f"{middle[f'depth_{depth}_memory'] / MEGABYTE:,.1f} MB at its highest."
        for depth in results["depths"]
        if f"depth_{depth}_drain" in middle
    ]


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
