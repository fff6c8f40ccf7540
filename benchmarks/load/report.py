"""LOAD.md from the results."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeAlias

from benchmarks.load.contestants import CONTESTANTS, OURS
from benchmarks.load.trial import MOST_BURSTS
from benchmarks.places import HERE, SCRATCH

Results: TypeAlias = dict[str, Any]

COLUMNS = (
    "",
    "warm-up, s",
    "reports a second",
    "p50, ms",
    "p99, ms",
    "slowest, ms",
    "errors",
    "connections",
    "waiters left",
)
QUOTABLE = {"clients": 200, "seconds": 30, "rounds": 3}  # less says little


def folder_of(results: Results) -> Path:
    """Return where the results belong: those of all contestants, of a run long enough to be quoted, with the others."""
    is_whole = {contestant.name for contestant in CONTESTANTS} <= results["services"].keys()
    return HERE if is_whole and not _shortcomings(results) else SCRATCH / "load"


def render(results: Results) -> str:
    """The whole page."""
    parts = [_head(results), _warm_up(results), _caution(results), _table(results), _failures(results), _legend()]
    return "\n\n".join([*(part for part in parts if part), _settings(results)]) + "\n"


def _head(results: Results) -> str:
    machine = results["machine"]
    return (
        f"# The report service under load\n\n"
        f"{results['clients']} clients for {results['seconds']:g} s: each uploads a small CSV file to "
        f"`POST /api/reports`, waits for its report, checks that it is its own, and begins again. A process of the "
        f"worker makes each report; web process, worker and Redis share one machine with the clients. One request in "
        f"ten does not want to wait: it is answered 202 with a link, and the client waits there.\n\n"
        f"Taken on {results['date']} on {machine['processor']}, {machine['cores']} cores, {machine['system']}, "
        f"{machine['python']}, {results['server']}; clients: {results['client']}. The median of {results['rounds']} "
        f"rounds, with the lowest and the highest. Made by `nox -s load`; every round is in `load.json`."
    )


def _warm_up(results: Results) -> str:
    return (
        f"Before each trial, on a service just started and an empty Redis, the same clients press in bursts of "
        f"{results['burst']:g} s, which count for nothing: until {results['bursts_alike']} bursts in a row have ended "
        f"with as many connections to Redis, or {MOST_BURSTS} are over. A pool of connections grows to what was ever "
        f"needed at once, and only then can their number be asked to stay."
    )


def _caution(results: Results) -> str:
    short = _shortcomings(results)
    return f"**Not to be quoted**: a short run ({'; '.join(short)})." if short else ""


def _shortcomings(results: Results) -> list[str]:
    return [f"{what}: {results[what]:g}, not {full}" for what, full in QUOTABLE.items() if results[what] < full]


def _table(results: Results) -> str:
    rows = [_row(name, found["trials"], results["burst"]) for name, found in results["services"].items()]
    rule = ("---", *("---:" for _ in COLUMNS[1:]))
    return "\n".join("| " + " | ".join(row) + " |" for row in (COLUMNS, rule, *rows))


def _row(name: str, trials: list[Results], burst: float) -> tuple[str, ...]:
    shown = f"**{name}**" if name == OURS.name else name
    trials = [trial for trial in trials if "failure" not in trial]
    if not trials:
        return (shown, "", "failed", *("" for _ in COLUMNS[3:]))
    middle = sorted(trials, key=lambda trial: float(trial["rate"]))[len(trials) // 2]
    rates = [trial["rate"] for trial in trials]
    warm_ups = [trial["bursts"] * burst for trial in trials]
    left = sum(trial["registrations_left"] + trial["waits_left"] + trial["tasks_left"] for trial in trials)
    return (
        shown,
        _span(min(warm_ups), max(warm_ups)),
        f"{middle['rate']:,.0f} ({min(rates):,.0f} to {max(rates):,.0f})",
        *(f"{1_000 * middle[figure]:,.0f}" for figure in ("p50", "p99", "slowest")),
        str(sum(sum(trial["errors"].values()) for trial in trials)),
        ", ".join(_span(*trial["connections"]) for trial in trials),
        str(left) if name == OURS.name else "",
    )


def _span(lowest: float, highest: float) -> str:
    return f"{lowest:g}" if lowest == highest else f"{lowest:g} to {highest:g}"


def _failures(results: Results) -> str:
    lines = [
        f"- {name}: {complaint}"
        for name, found in results["services"].items()
        for trial in found["trials"]
        for complaint in trial["complaints"]
        if name == OURS.name or "failure" in trial or any(complaint.endswith(error) for error in trial["errors"])
    ]
    return "\n".join(["What went wrong:\n", *sorted(set(lines))]) if lines else "Nothing went wrong."


def _legend() -> str:
    return (
        "What the columns say:\n\n"
        "- **warm-up**: how long the bursts were that the trials began with, together.\n"
        "- **connections** to Redis, of the web process, the worker and its processes together, looked at four times a "
        "second after the warm-up, round by round: one figure where the count was constant, as that of aioqueue has to "
        "be.\n"
        "- **waiters left** when all clients have their answers: registrations in the store, waits in the web process, "
        "and asyncio tasks more than before. It has to be 0; the run fails otherwise, and the same trial runs in CI "
        "for a few seconds.\n"
        "- Most of the time goes into HTTP, forms, files and reports, which are the same code for all: what differs is "
        "what a queue leaves of the machine."
    )


def _settings(results: Results) -> str:
    rows = [
        (name, found["setting"], ", ".join(f"{dist} {version}" for dist, version in found["versions"].items()))
        for name, found in results["services"].items()
    ]
    head, rule = ("", "setting", "versions"), ("---", "---", "---")
    return "## Settings\n\n" + "\n".join("| " + " | ".join(row) + " |" for row in (head, rule, *rows))
