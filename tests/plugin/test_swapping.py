"""Queues stand on another store for the length of a test, and on their own again afterwards."""

from __future__ import annotations

import asyncio
import threading
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from aioqueue import Queue, SerializationError, StoreUnavailable
from aioqueue.testing.stores import StoreSwap
from aioqueue.testing.swapping import Swap, swap_to_memory
from tests.core.stores import eventually
from tests.plugin.pytests import outcomes, run_pytest


def adding(queue: Queue) -> Any:
    @queue.task
    async def add(a: int, b: int = 2) -> int:
        return a + b

    return add


@pytest.mark.asyncio
async def test_a_queue_is_in_memory_until_the_end(queue: Queue, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aioqueue.session._PAUSES_BETWEEN_TRIES", (0.0,))
    add = adding(queue)
    with swap_to_memory("fixture") as swap:
        swap(queue)
        await add(1)
        assert len(await queue.pending()) == 1
    with pytest.raises(StoreUnavailable):
        await add(1)


@pytest.mark.asyncio
async def test_each_test_has_a_store_of_its_own(queue: Queue) -> None:
    add = adding(queue)
    for _ in range(2):
        with swap_to_memory("fixture") as swap:
            swap(queue)
            assert await queue.pending() == []
            await add(1)
            await queue.kv.put("key", 1)


@pytest.mark.asyncio
async def test_queues_of_one_name_share_what_is_stored(aioqueue_memory: Swap) -> None:
    here, there, other = Queue("memory://", name="a"), Queue("memory://", name="a"), Queue("memory://", name="b")
    aioqueue_memory(here, other)
    aioqueue_memory(there)
    await adding(here)(1)
    assert len(await there.pending()) == 1
    assert await other.pending() == []


@pytest.mark.asyncio
async def test_a_queue_that_is_open_goes_on_where_it_was(tmp_path: Path) -> None:
    queue = Queue(f"sqlite:///{tmp_path}/queue.db")
    add = adding(queue)
    async with queue:
        await add(1)
        session = await queue.session()
        with swap_to_memory("fixture") as swap:
            swap(queue)
            assert await queue.pending() == []
            await add(2)
            await add(3)
        assert await queue.session() is session
        assert len(await queue.pending()) == 1
        await add(4)
        assert len(await queue.pending()) == 2


@pytest.mark.asyncio
async def test_a_queue_that_is_closed_meanwhile_closes_only_the_memory(tmp_path: Path) -> None:
    queue = Queue(f"sqlite:///{tmp_path}/queue.db")
    add = adding(queue)
    async with queue:
        await add(1)
        with swap_to_memory("fixture") as swap:
            swap(queue)
            async with queue:
                await add(2)
        assert len(await queue.pending()) == 1


@pytest.mark.asyncio
async def test_what_was_open_on_the_memory_is_closed_with_the_queue(tmp_path: Path) -> None:
    queue = Queue(f"sqlite:///{tmp_path}/queue.db")
    with swap_to_memory("fixture") as swap:
        swap(queue)
        await adding(queue)(1)
        waiting = asyncio.create_task(queue.result((await queue.pending())[0].id).get())
        await asyncio.sleep(0.01)
    await queue.close()
    with pytest.raises(StoreUnavailable, match="the queue was closed"):
        await waiting


def test_loops_that_have_ended_leave_nothing_behind(queue: Queue) -> None:
    add = adding(queue)
    for _ in range(3):
        with swap_to_memory("fixture") as swap:
            swap(queue)
            asyncio.run(_use(add))
    assert queue._left == []
    assert queue._session is None


async def _use(add: Any) -> None:
    await add(1)


def test_synchronous_tests_leave_no_connection_behind(queue: Queue, redis_url: str) -> None:
    add = adding(queue)
    with Redis.from_url(redis_url) as server:
        others = _connections(server)
        for _ in range(3):
            with StoreSwap("redis", redis_url) as swap:
                swap(queue)
                queue.sync(add(1))
                assert _connections(server) - others
            asyncio.run(eventually(lambda: not _connections(server) - others))


def _connections(server: Any) -> set[str]:
    return {client["id"] for client in server.client_list()}


def test_a_loop_that_stands_still_meanwhile_closes_what_is_left_when_it_uses_the_queue_again(queue: Queue) -> None:
    add = adding(queue)
    with asyncio.Runner() as runner:
        sessions = []
        for _ in range(3):
            with swap_to_memory("fixture") as swap:
                swap(queue)
                runner.run(_use(add))
                sessions.append(runner.run(queue.session()))
            assert [session.is_closed for session in sessions] == [True] * (len(sessions) - 1) + [False]
    assert sessions[-1].is_closed


def test_a_loop_that_is_held_up_does_not_hold_up_the_end_of_a_test(
    queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aioqueue.standing.PATIENCE", 0.05)
    held_up, go_on = threading.Event(), threading.Event()

    async def hold_up() -> None:
        await _use(adding(queue))
        held_up.set()
        go_on.wait(20)

    thread = threading.Thread(target=lambda: asyncio.run(hold_up()))
    with swap_to_memory("fixture") as swap:
        swap(queue)
        thread.start()
        assert held_up.wait(20)
    assert thread.is_alive()
    go_on.set()
    thread.join(20)
    assert not thread.is_alive()


@pytest.mark.asyncio
async def test_swaps_may_be_nested(queue: Queue) -> None:
    add = adding(queue)
    with swap_to_memory("outer") as outer:
        outer(queue)
        await add(1)
        with swap_to_memory("inner", immediate=True) as inner:
            inner(queue)
            assert await add.call(2) == 4
            assert queue.immediate
        assert not queue.immediate
        assert len(await queue.pending()) == 1


@pytest.mark.asyncio
async def test_swaps_may_end_in_any_order(queue: Queue) -> None:
    own = repr(queue)
    add = adding(queue)
    first, second, third = swap_to_memory("first"), swap_to_memory("second", immediate=True), swap_to_memory("third")
    first(queue)
    second(queue)
    third(queue)
    await add(1)
    second.__exit__()
    assert not queue.immediate
    assert len(await queue.pending()) == 1
    third.__exit__()
    assert await queue.pending() == []
    first.__exit__()
    assert repr(queue) == own
    await queue.close()


@pytest.mark.asyncio
async def test_a_swap_that_ends_under_another_leaves_the_own_store_alone(tmp_path: Path) -> None:
    queue = Queue(f"sqlite:///{tmp_path}/queue.db")
    async with queue:
        session = await queue.session()
        first, second = swap_to_memory("first"), swap_to_memory("second")
        first(queue)
        second(queue)
        for swap in (first, second):
            assert await queue.session() is not session
            swap.__exit__()
        assert await queue.session() is session


@pytest.mark.asyncio
@pytest.mark.parametrize("was", [False, True])
async def test_immediate_may_be_changed_meanwhile(was: bool) -> None:
    queue = Queue("memory://", immediate=was)
    add = adding(queue)
    with swap_to_memory("fixture") as swap:
        swap(queue)
        queue.immediate = True
        assert await add.call(1) == 3
        queue.immediate = False
        await add(1)
        assert len(await queue.pending()) == 1
    assert queue.immediate is was
    await queue.close()


def test_the_stores_of_fixtures_are_left_in_whatever_order_they_were_asked_for(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(
        "import pytest\nfrom app import queue\n\n"
        "@pytest.fixture\ndef in_memory(aioqueue_memory):\n    aioqueue_memory(queue)\n"
    )
    (tmp_path / "app.py").write_text(
        "from aioqueue import Queue\nqueue = Queue('sqlite:///real.db')\n\n"
        "@queue.task\nasync def add(a: int) -> int:\n    return a\n"
    )
    (tmp_path / "test_app.py").write_text(
        "import pytest\nfrom app import add, queue\nown = repr(queue)\n\n"
        "@pytest.mark.asyncio\n@pytest.mark.parametrize('aioqueue_driver', ['sqlite'], indirect=True)\n"
        "async def test_on_two(aioqueue_driver, in_memory):\n    aioqueue_driver(queue)\n    await add(1)\n\n"
        "def test_behind_it():\n    assert repr(queue) == own\n"
    )
    run = run_pytest(tmp_path)
    assert outcomes(run) == {"passed": 2}, run.stdout
    assert not (tmp_path / "real.db").exists()


@pytest.mark.asyncio
async def test_a_test_that_fails_puts_it_back_too(queue: Queue) -> None:
    own = repr(queue)
    with pytest.raises(ZeroDivisionError), swap_to_memory("fixture") as swap:
        swap(queue)
        assert repr(queue) != own
        raise ZeroDivisionError
    assert repr(queue) == own


@pytest.mark.asyncio
async def test_an_immediate_queue_may_be_made_to_wait(aioqueue_memory: Swap) -> None:
    queue = Queue("memory://", immediate=True)
    add = adding(queue)
    aioqueue_memory(queue)
    await add(1)
    assert len(await queue.pending()) == 1


@pytest.mark.asyncio
async def test_immediate_values_pass_through_the_serializer(queue: Queue, aioqueue_immediate: Swap) -> None:
    seen: list[Any] = []

    @queue.task
    async def take(when: date, things: tuple[int, ...], anything: Any) -> list[Any]:
        seen.append((when, things, anything))
        return [when, anything]

    aioqueue_immediate(queue)
    assert await take.call(date(2026, 1, 2), (1, 2), (3, 4)) == ["2026-01-02", [3, 4]]
    assert seen == [(date(2026, 1, 2), (1, 2), [3, 4])]
    with pytest.raises(SerializationError, match="'anything' cannot be stored"):
        await take(date(2026, 1, 2), (), object())
    assert len(seen) == 1


@pytest.mark.parametrize("fixture", ["aioqueue_memory", "aioqueue_immediate", "aioqueue_clock", "aioqueue_worker"])
@pytest.mark.parametrize(
    ("given", "said"),
    [((), "at least one queue"), (("default",), "not 'default'"), ((None,), "not None")],
    ids=["nothing", "a name", "None"],
)
def test_what_is_no_queue_is_refused(
    request: pytest.FixtureRequest, fixture: str, given: tuple[Any, ...], said: str
) -> None:
    asked = request.getfixturevalue(fixture)
    with pytest.raises(TypeError, match=said) as refused:
        asked(*given)
    assert str(refused.value).startswith(f"{fixture}(queue, ...) takes")
    assert "\n" not in str(refused.value)


def test_one_of_several_that_is_no_queue_leaves_the_others(queue: Queue, aioqueue_memory: Swap) -> None:
    own = repr(queue)
    with pytest.raises(TypeError, match="not 'app'"):
        aioqueue_memory(queue, "app")  # type: ignore[arg-type]
    assert repr(queue) == own


def test_an_autouse_fixture_of_the_application_keeps_every_test_off_the_real_store(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(
        "import pytest\nfrom app import queue\n\n"
        "@pytest.fixture(autouse=True)\ndef in_memory(aioqueue_memory):\n    aioqueue_memory(queue)\n"
    )
    (tmp_path / "app.py").write_text(
        "from aioqueue import Queue\nqueue = Queue('sqlite:///real.db')\n\n"
        "@queue.task\nasync def add(a: int) -> int:\n    return a\n"
    )
    (tmp_path / "test_app.py").write_text(
        "import pytest\nfrom app import add, queue\npytestmark = pytest.mark.asyncio\n\n"
        "@pytest.mark.parametrize('n', range(3))\n"
        "async def test_one(n):\n    await add(n)\n    assert len(await queue.pending()) == 1\n"
    )
    (tmp_path / "pytest.ini").write_text(
        "[pytest]\nasyncio_default_fixture_loop_scope = function\nfilterwarnings = error\npythonpath = .\n"
    )
    run = run_pytest(tmp_path)
    assert outcomes(run) == {"passed": 3}, run.stdout
    assert not (tmp_path / "real.db").exists()


def test_processes_of_bodies_leave_the_real_store_alone_where_the_environment_says_so(tmp_path: Path) -> None:
    """They import the queue anew, and know nothing of the fixture: as the page on testing says."""
    (tmp_path / "conftest.py").write_text(
        "import pytest\nfrom app import queue\n\n"
        "@pytest.fixture(autouse=True)\ndef in_memory(aioqueue_memory, monkeypatch):\n"
        "    aioqueue_memory(queue)\n    monkeypatch.setenv('AIOQUEUE_URL', 'memory://')\n"
    )
    (tmp_path / "app.py").write_text(
        "from aioqueue import Queue, current_job\nqueue = Queue()\n\n"
        "@queue.task\nasync def add(a: int) -> int:\n    return a\n\n"
        "@queue.task(executor='process')\ndef split(a: int) -> int:\n"
        "    queue.sync(current_job().progress(1, 2, 'half'))\n    queue.sync(add(a))\n    return a\n"
    )
    (tmp_path / "test_app.py").write_text(
        "import pytest\nfrom app import queue, split\n\n"
        "@pytest.mark.asyncio\nasync def test_it(aioqueue_worker):\n    result = await split(3)\n"
        "    await aioqueue_worker(queue).drain(raise_errors=True)\n    assert await result == 3\n"
        "    assert await queue.pending() == []\n"
    )
    run = run_pytest(tmp_path, AIOQUEUE_URL=f"sqlite:///{tmp_path}/real.db")
    assert outcomes(run) == {"passed": 1}, run.stdout
    assert not (tmp_path / "real.db").exists()
