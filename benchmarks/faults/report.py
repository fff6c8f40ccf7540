"""FAULTS.md from the results: one table a fault, then the settings and what the columns mean."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import Any, TypeAlias

from benchmarks.faults.contestants import OURS

Results: TypeAlias = dict[str, Any]

COLUMNS = ("lost", "never started", "stalled", "repeated", "deaths", "recovery p50, s", "max, s", "all done after, s")
TITLES = {
    "kill": "kill -9 in mid-run",
    "freeze": "A worker frozen, then back",
    "long": "A healthy job longer than the timeout",
    "restart": "Redis killed and restarted",
    "poison": "A job that kills its process",
    "undecodable": "A message that is garbage",
}


def render(results: Results) -> str:
    """The whole page."""
    rows = [_row(results, name) for name in results["rows"]]
    parts = [_head(results), *rows, _legend(results), _notes(results), _settings(results)]
    return "\n\n".join(parts) + "\n"


def _head(results: Results) -> str:
    machine = results["machine"]
    return (
        f"# The same faults on aioqueue and its peers\n\n"
        f"Taken on {results['date']} in {results['minutes']:.0f} minutes on {machine['processor']}, "
        f"{machine['cores']} cores, {machine['system']}, {machine['python']}, {results['server']}, seed "
        f"{results['seed']}; {results['at_once']} at once, each with a server of its own. Made by "
        f"`nox -s peer_faults`; the same figures are in `faults.json`. Each has the settings that its documentation "
        f"offers for reliability, and a timeout of {results['timeout']:g} s wherever it has one, so that nobody waits "
        f"for a default of minutes: see [Settings](#settings)."
    )


def _row(results: Results, name: str) -> str:
    row = results["rows"][name]
    extra = ("poison ran", "quiet at last") if name == "poison" else ()
    lines = [
        _line(contestant, found["verdicts"][name], len(extra)) for contestant, found in results["contestants"].items()
    ]
    return f"## {TITLES[name]}\n\n{row['what']}\n\n" + _table(("", *COLUMNS, *extra), lines)


def _line(contestant: str, verdict: Results, extras: int) -> tuple[str, ...]:
    shown = f"**{contestant}**" if contestant == OURS else contestant
    if "failure" in verdict:
        return (shown, f"n/a: {verdict['failure']}", *("" for _ in range(len(COLUMNS) - 1 + extras)))
    recoveries = verdict["recoveries"]
    return (
        shown,
        _marked(verdict["lost"]),
        _marked(verdict["unstarted"]),
        _marked(verdict["stalled"]),
        str(verdict["repeated"]),
        str(verdict["deaths"]),
        f"{median(recoveries):.1f}" if recoveries else "-",
        f"{max(recoveries):.1f}" if recoveries else "-",
        "never" if verdict["lost"] else f"{verdict['waited']:.1f}" if verdict["waited"] else "-",
        *(str(figure) for figure in verdict["extra"].values()),
    )


def _marked(count: int) -> str:
    return f"**{count}**" if count else "0"


def _legend(results: Results) -> str:
    patience = {name: found["patience"] for name, found in results["contestants"].items()}
    usual = max(patience.values())
    shorter = ", ".join(f"{name} {seconds:.0f}" for name, seconds in patience.items() if seconds < usual)
    besides = f" ({shorter}: it documents no redelivery)" if shorter else ""
    return (
        "## How to read it\n\n"
        "Judged from receipts that producers and bodies append to one file, never from what a store says of itself.\n\n"
        f"- **lost**: acknowledged, and not run to its end when the wait was over. Jobs are waited for until all have "
        f"ended, for at most {usual:.0f} s after the last fault{besides}; in the poison row until nothing has started "
        f"for 40 s, for at most 240 s. If some are missing then, eight new jobs are enqueued, and all are waited for "
        f"as long again.\n"
        "- **stalled**: those that were missing before the new jobs came.\n"
        "- **never started**: those of the lost that did not even start.\n"
        "- **repeated**: executions beyond the first of each job. What was in hand when a worker died has to be "
        "repeated; a job whose worker only seemed dead need not have been, but may.\n"
        "- **deaths**: workers that ended by themselves, and were started again a second later. A peer whose own "
        "supervisor replaces its processes has none.\n"
        "- **recovery**: from the fault to the next start of each job that was in hand; for the restart of Redis, from "
        "its first answer to the first start of a job.\n"
        "- **all done after**: from the first fault to the end of the last job.\n"
        "- **poison ran**: how often; **quiet at last**: whether it had not run for 40 s when the wait was over."
    )


def _notes(results: Results) -> str:
    notes = [f"- {name}: {found['note']}" for name, found in results["contestants"].items() if found["note"]]
    return "## Why\n\n" + "\n".join(notes)


def _settings(results: Results) -> str:
    rows = [
        (name, found["setting"], ", ".join(f"{dist} {version}" for dist, version in found["versions"].items()))
        for name, found in results["contestants"].items()
    ]
    return "## Settings\n\n" + _table(("", "setting", "versions"), rows)


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    rule = ("---", *("---:" for _ in head[1:])) if head[1] == "lost" else tuple("---" for _ in head)
    return "\n".join("| " + " | ".join(row) + " |" for row in (head, rule, *rows))
