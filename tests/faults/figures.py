"""One line of figures for each row that was run: what the published table is made of."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

_WHERE: Final = os.environ.get("AIOQUEUE_FAULTS_FIGURES")


class Figures(Struct, frozen=True, kw_only=True):
    """What one row of the programme showed on one store with one seed; times are in seconds.

    `row` is its number in the table, `scenario` tells it from others of that row. `repeated` are the executions beyond
    the first of each job, `outcomes_twice` the outcomes that contradict another, `deaths` the workers that died of
    something else than the fault, `stuck` what was left in the store that nothing will ever remove.
    """

    row: int
    scenario: str
    store: str
    seed: int
    jobs: int
    lost: int
    repeated: int
    outcomes_twice: int
    deaths: int
    stuck: int
    recovery_p50: float
    recovery_max: float


def publish(figures: Figures) -> None:
    """Append one line to the file that `AIOQUEUE_FAULTS_FIGURES` names, if it names one."""
    if _WHERE is None:
        return
    descriptor = os.open(Path(_WHERE), os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(descriptor, msgspec.json.encode(figures) + b"\n")
    finally:
        os.close(descriptor)
