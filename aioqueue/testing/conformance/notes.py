"""Notes: numbered, kept for a while, and published."""

from __future__ import annotations

import asyncio

from aioqueue.drivers.base import NOTES_KEPT
from aioqueue.testing.conformance.news import reading
from aioqueue.testing.conformance.stage import Stage
from aioqueue.testing.conformance.steps import AGES, EVERY_BYTE


async def check_notes_are_numbered(stage: Stage) -> None:
    driver, other = await stage.driver(), await stage.driver()
    assert await driver.notes("a", 0) == []
    assert await driver.note("a", b"first", 60) == 1
    assert await other.note("a", EVERY_BYTE, 60) == 2
    assert await driver.note("a", b"", 60) == 3
    assert await other.notes("a", 0) == [(1, b"first"), (2, EVERY_BYTE), (3, b"")]


async def check_notes_can_be_read_on(stage: Stage) -> None:
    driver = await stage.driver()
    for number in range(1, 13):
        await driver.note("a", b"%d" % number, 60)
    assert await driver.notes("a", 9) == [(10, b"10"), (11, b"11"), (12, b"12")]
    assert await driver.notes("a", 12) == []
    assert await driver.notes("a", 100) == []


async def check_jobs_have_their_own_notes(stage: Stage) -> None:
    driver = await stage.driver()
    ids = ["a", "b", "é✓😀", "{tag}", "x" * 300]
    for job_id in ids:
        assert await driver.note(job_id, job_id.encode(), 60) == 1
    for job_id in ids:
        assert await driver.notes(job_id, 0) == [(1, job_id.encode())]


async def check_notes_are_kept_from_the_last_one(stage: Stage) -> None:
    driver = await stage.driver()
    await driver.note("a", b"first", 100)
    await driver.shift(60)
    await driver.note("a", b"second", 100)
    await driver.shift(60)
    assert await driver.notes("a", 0) == [(1, b"first"), (2, b"second")]
    await driver.shift(60)
    assert await driver.notes("a", 0) == []


async def check_notes_may_be_kept_for_ages(stage: Stage) -> None:
    driver = await stage.driver()
    for ttl in AGES:
        assert await driver.note(f"job {ttl}", b"note", ttl) == 1
        assert await driver.notes(f"job {ttl}", 0) == [(1, b"note")]


async def check_the_newest_notes_are_kept(stage: Stage) -> None:
    driver = await stage.driver()
    numbers = await asyncio.gather(*(driver.note("a", b"note", 600) for _ in range(NOTES_KEPT + 5)))
    assert sorted(numbers) == list(range(1, NOTES_KEPT + 6))
    kept = await driver.notes("a", 0)
    assert [number for number, _ in kept] == list(range(6, NOTES_KEPT + 6))


async def check_a_note_is_published(stage: Stage) -> None:
    driver, other = await stage.driver(), await stage.driver()
    reader = await reading(other, "notes:a")
    await driver.note("b", b"unheard", 60)
    await driver.note("a", b"first", 60)
    await driver.note("a", b"second", 60)
    await reader.hears("notes:a", b"first", b"second")


async def check_notes_stay_when_drivers_close(stage: Stage) -> None:
    driver = await stage.driver()
    await driver.note("a", b"first", 60)
    await driver.close()
    other = await stage.driver()
    assert await other.note("a", b"second", 60) == 2
    assert await other.notes("a", 0) == [(1, b"first"), (2, b"second")]


async def check_queues_keep_their_notes_apart(stage: Stage) -> None:
    one, other = await stage.driver("one"), await stage.driver("other")
    await one.note("a", b"first", 60)
    assert await other.notes("a", 0) == []
    assert await other.note("a", b"first", 60) == 1
