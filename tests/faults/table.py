"""Prints figures as a Markdown table: `python -m tests.faults.table FIGURES…`.

One line a scenario and store, over all its seeds; below it the totals, the versions, and the seeds.
"""

from __future__ import annotations

import platform
import re
import sqlite3
import statistics
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

import msgspec

from aioqueue.version import __version__
from tests.faults.figures import Figures
from tests.servers import server_binaries

_HEAD: Final = (
    "row",
    "scenario",
    "store",
    "seeds",
    "jobs",
    "lost",
    "duplicate outcomes",
    "repeats",
    "recovery p50",
    "recovery max",
    "deaths",
    "stuck",
)
_TEXTS: Final = 3  # the columns that are not numbers
_STORES: Final = ("memory", "sqlite", "redis")


def read_figures(path: Path) -> list[Figures]:
    """Return every line of a file."""
    return [msgspec.json.decode(line, type=Figures) for line in path.read_bytes().splitlines()]


def table(figures: Sequence[Figures]) -> str:
    """Return the table, its totals, the versions here, and the seeds."""
    lines = [_line(_HEAD), _line(["---"] * _TEXTS + ["--:"] * (len(_HEAD) - _TEXTS))]
    lines += [_line(_cells(group)) for _, group in sorted(_grouped(figures).items())]
    return "\n".join([*lines, _line(_totals(figures)), "", _versions(), "", _seeds(figures), ""])


def _grouped(figures: Iterable[Figures]) -> dict[tuple[int, str, int], list[Figures]]:
    groups: defaultdict[tuple[int, str, int], list[Figures]] = defaultdict(list)
    for one in figures:
        place = _STORES.index(one.store) if one.store in _STORES else len(_STORES)
        groups[one.row, one.scenario, place].append(one)
    return groups


def _cells(group: Sequence[Figures]) -> list[str]:
    first = group[0]
    return [str(first.row), first.scenario.replace("|", "\\|"), first.store, str(len(group)), *_numbers(group)]


def _totals(figures: Sequence[Figures]) -> list[str]:
    return ["", "**all**", "", str(len({one.seed for one in figures})), *_numbers(figures)]


def _numbers(group: Sequence[Figures]) -> list[str]:
    recovered = [one for one in group if one.recovery_max > 0]
    return [
        f"{sum(one.jobs for one in group):,}",
        str(sum(one.lost for one in group)),
        str(sum(one.outcomes_twice for one in group)),
        str(sum(one.repeated for one in group)),
        f"{statistics.median(one.recovery_p50 for one in recovered):.2f} s" if recovered else "",
        f"{max(one.recovery_max for one in recovered):.2f} s" if recovered else "",
        str(sum(one.deaths for one in group)),
        str(sum(one.stuck for one in group)),
    ]


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _versions() -> str:
    return (
        f"aioqueue {__version__}, Python {platform.python_version()}, {_server_version()}, "
        f"SQLite {sqlite3.sqlite_version}, {platform.system()} {platform.machine()}"
    )


def _server_version() -> str:
    binary = server_binaries()[0]
    said = subprocess.run([binary, "--version"], capture_output=True, text=True, check=True).stdout
    number = re.search(r"v=([\d.]+)", said)
    name = "Valkey" if "alkey" in said else "Redis"
    return f"{name} {number[1] if number else said.strip()}"


def _seeds(figures: Iterable[Figures]) -> str:
    return f"Seeds: {', '.join(map(str, sorted({one.seed for one in figures})))}."


if __name__ == "__main__":
    print(table([one for path in sys.argv[1:] for one in read_figures(Path(path))]), end="")
