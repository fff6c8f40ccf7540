"""The driver contract as checks: every driver, ours or yours, passes all of them unchanged.

A check is an async function that takes a `Stage`, which opens any number of drivers on one fresh store, and raises
`AssertionError` where the driver departs from `aioqueue.drivers.base`. To run them with pytest over a driver of yours:

    import pytest
    from aioqueue.testing.conformance import CHECKS, Check, stage_on

    pytest.register_assert_rewrite("aioqueue.testing.conformance")  # before the import above: messages with values

    @pytest.mark.asyncio
    @pytest.mark.parametrize("check", CHECKS)
    async def test_contract(check: Check, url: str) -> None:
        async with stage_on(lambda queue: MyDriver(url, queue)) as stage:
            await check(stage)

Queue names are fresh in each stage, so the checks may share a server and run in parallel. They need no `python -O`,
which strips assertions.
"""

from __future__ import annotations

from types import ModuleType
from typing import Final

from aioqueue.testing.conformance import (
    cancelling,
    cancelling_jobs,
    canvas,
    chords,
    claiming,
    driving,
    enqueueing,
    firing,
    flushing,
    keyvalue,
    leases,
    locks,
    looking,
    news,
    notes,
    pausing,
    rates,
    recording,
    releasing,
    replaying,
    rescheduling,
    results,
    revoking,
    scheduling,
    settling,
    uniqueness,
    waiting,
    waking_claims,
)
from aioqueue.testing.conformance.stage import Check, Stage, stage_on

__all__ = ["CHECKS", "Check", "Stage", "stage_on"]


def _checks_of(module: ModuleType) -> list[Check]:
    return [check for name, check in vars(module).items() if name.startswith("check_")]


CHECKS: Final[tuple[Check, ...]] = tuple(
    check
    for module in (
        driving,
        enqueueing,
        claiming,
        recording,
        settling,
        releasing,
        scheduling,
        waiting,
        waking_claims,
        leases,
        results,
        looking,
        cancelling,
        uniqueness,
        canvas,
        chords,
        revoking,
        cancelling_jobs,
        locks,
        rates,
        keyvalue,
        news,
        notes,
        firing,
        pausing,
        replaying,
        rescheduling,
        flushing,
    )
    for check in _checks_of(module)
)
