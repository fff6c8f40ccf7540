"""The load figure's trial in its short form: many clients at once, and nothing is left of them. And its page."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

import pytest

from aioqueue import Queue
from aioqueue.drivers.redis.driver import CALLS_AT_ONCE
from benchmarks.load.contestants import CONTESTANTS
from benchmarks.load.report import folder_of, render
from benchmarks.load.service import serving
from benchmarks.load.trial import Pressure, Trial, try_out
from benchmarks.load.watching import registrations
from benchmarks.places import HERE
from tests.servers import redis_server

PRESSURE = Pressure(clients=200, seconds=3, burst=2, bursts_alike=1)
# The web process and the worker have up to eight for calls each, and one to enqueue, to listen and to wait. A process
# that makes reports has one, and there is one of these for each core.
MOST_CONNECTIONS = 2 * (CALLS_AT_ONCE + 3) + (os.cpu_count() or 1)
GIVEN_UP = 2  # connections that were still being made when nobody wanted them any more


def test_many_clients_await_reports(tmp_path: Path) -> None:
    # A server of its own: every connection is counted.
    with redis_server() as store, serving("aioqueue_service", store.url, tmp_path) as address:
        trial = asyncio.run(try_out(address, store.url, PRESSURE))
    assert trial.complaints() == []
    assert trial.bursts >= 1
    assert trial.connections[1] <= MOST_CONNECTIONS
    assert trial.opened <= trial.connections[1] - trial.connections[0] + GIVEN_UP, "some have taken the place of others"
    assert trial.answers > PRESSURE.clients
    assert trial.by_link > 0


def test_who_waits_is_seen_in_the_store() -> None:
    with redis_server() as store:
        assert asyncio.run(seen_while_waiting(store.url)) == [0, 1, 0]


async def seen_while_waiting(url: str) -> list[int]:
    """Return how many registrations there are before somebody waits for a job, meanwhile, and afterwards."""
    queue = Queue(url, name="load")

    @queue.task
    async def never_run() -> None: ...

    async with queue, asyncio.timeout(20):
        before = await registrations(url)
        waiting = asyncio.create_task((await never_run()).get())
        meanwhile = await seen_to_be(1, url)
        waiting.cancel()
        await asyncio.wait([waiting])
        afterwards = await seen_to_be(0, url)
    return [before, meanwhile, afterwards]


async def seen_to_be(count: int, url: str) -> int:
    """Return how many there are as soon as there are so many."""
    while (seen := await registrations(url)) != count:  # noqa: ASYNC110 -- a store tells nobody who waits
        await asyncio.sleep(0.01)
    return seen


def trial(rate: float, connections: tuple[int, int], bursts: int) -> dict[str, Any]:
    """Return a trial in which nothing went wrong, as it stands in load.json."""
    asked = {"clients": 200, "seconds": 30, "bursts": bursts}
    told = {"answers": 1, "by_link": 1, "rate": rate, "p50": 0.2, "p99": 0.3, "slowest": 0.4, "errors": {}}
    seen = {"connections": connections, "opened": 0, "lost": 0, "registrations_seen": 1}
    left = {"registrations_left": 0, "waits_left": 0, "tasks_left": 0}
    return {**Trial(**asked, **told, **seen, **left).as_json(), "others": 0.0, "complaints": []}


@pytest.fixture
def results() -> dict[str, Any]:
    """What load.json holds after a whole run, of one service."""
    trials = [trial(900, (21, 21), 4), trial(950, (22, 22), 6), trial(920, (21, 22), 4)]
    machine = {"processor": "a processor", "cores": 2, "system": "Linux", "python": "CPython"}
    return {
        "date": "2026-01-01",
        "machine": machine,
        "server": "redis 7",
        "client": "aiohttp 3",
        "clients": 200,
        "seconds": 30.0,
        "burst": 5.0,
        "bursts_alike": 4,
        "rounds": 3,
        "services": {"aioqueue": {"setting": "as it is", "versions": {"aioqueue": "1"}, "trials": trials}},
    }


def test_the_page_tells_the_warm_up_and_each_round(results: dict[str, Any]) -> None:
    page = render(results)
    assert "bursts of 5 s, which count for nothing: until 4 bursts in a row" in page
    assert "| **aioqueue** | 20 to 30 | 920 (900 to 950) | 200 | 300 | 400 | 0 | 21, 22, 21 to 22 | 0 |" in page
    assert "Not to be quoted" not in page


def test_a_short_run_says_so(results: dict[str, Any]) -> None:
    assert "**Not to be quoted**: a short run (seconds: 2, not 30; rounds: 1, not 3)." in render(
        {**results, "seconds": 2.0, "rounds": 1}
    )


def of_all(results: dict[str, Any]) -> dict[str, Any]:
    (service,) = results["services"].values()
    return {**results, "services": {contestant.name: service for contestant in CONTESTANTS}}


def test_a_whole_run_replaces_the_page(results: dict[str, Any]) -> None:
    assert folder_of(of_all(results)) == HERE
    assert folder_of({**of_all(results), "clients": 400}) == HERE


@pytest.mark.parametrize("less", [{"clients": 100}, {"seconds": 2.0}, {"rounds": 1}], ids=str)
def test_a_short_run_of_all_replaces_nothing(results: dict[str, Any], less: dict[str, float]) -> None:
    assert HERE not in {(folder := folder_of({**of_all(results), **less})), *folder.parents}


def test_a_run_of_some_replaces_nothing(results: dict[str, Any]) -> None:
    assert folder_of(results) != HERE
