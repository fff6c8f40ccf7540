"""Opening and closing: one loop after another, threads, forks, URLs."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

import aioqueue
from aioqueue import ConfigurationError, JobState, Queue, StoreUnavailable, Worker
from aioqueue.testing.swapping import swap_to_memory
from tests.core.stores import MakeQueue

ROOT = str(Path(aioqueue.__file__).parent.parent)


def add_task(queue: Queue) -> Any:
    @queue.task
    async def add(a: int, b: int) -> int:
        return a + b

    return add


# ---------------------------------------------------------------- one loop after another
@pytest.mark.parametrize("how", ["block", "bare"])
def test_one_loop_after_another(make_queue: MakeQueue, how: str) -> None:
    queue = make_queue()
    add = add_task(queue)

    async def round_trip(n: int) -> int:
        result = await add(n, 1)
        async with queue.worker():
            return int(await result.get(timeout=10))

    async def in_a_block(n: int) -> int:
        async with queue:
            return await round_trip(n)

    for n in range(3):
        assert asyncio.run(in_a_block(n) if how == "block" else round_trip(n)) == n + 1


def test_a_loop_may_run_again(make_queue: MakeQueue) -> None:
    queue = make_queue()
    add = add_task(queue)
    with asyncio.Runner() as runner:
        result = runner.run(add(1, 2))
        runner.run(asyncio.sleep(0))

        async def work() -> int:
            async with queue.worker():
                return int(await result.get(timeout=10))

        assert runner.run(work()) == 3


@pytest.mark.asyncio
@pytest.mark.parametrize("number", range(2))
async def test_each_test_has_its_own_loop(number: int) -> None:
    assert await SHARED_ADD.call_local(number, 1) == number + 1
    result = await SHARED_ADD(number, 1)
    async with SHARED.worker():
        assert await result.get(timeout=10) == number + 1


SHARED = Queue("memory://")
SHARED_ADD = add_task(SHARED)


SCRIPT = """
import asyncio, gc, logging, sys
from aioqueue import Queue

logging.getLogger("asyncio").setLevel(logging.ERROR)  # on a busy machine its debug mode finds every step slow
queue = Queue(sys.argv[1], name=sys.argv[2])

@queue.task
async def add(a: int, b: int) -> int:
    return a + b

@queue.task
def in_thread(a: int) -> int:
    return a

async def bare():
    result = await add(1, 2)
    async with queue.worker():
        assert await result.get(timeout=20) == 3
        assert await in_thread.call(5) == 5

async def block():
    async with queue:
        await bare()

async def leaves_a_wait():
    waiting = asyncio.create_task((await add.options(delay=1000)(1, 2)).get())
    await asyncio.sleep(0.01)
    assert not waiting.done()

async def leaves_a_worker():
    await queue.worker(shutdown_timeout=0).__aenter__()
    assert await add.call(1, 2) == 3

async def raises():
    async with queue:
        await add(1, 2)
        raise ZeroDivisionError

for main in (bare, block, leaves_a_wait, bare, leaves_a_worker, block):
    asyncio.run(main())
    gc.collect()
try:
    asyncio.run(raises())
except ZeroDivisionError:
    pass
asyncio.run(block())
gc.collect()
print("done")
"""


SLOW = re.compile(r"Executing .* took [\d.]+ seconds")  # asyncio's remark, in development mode, on a busy machine


def run_script(source: str, *arguments: str, cwd: Path, **environment: str) -> str:
    run = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error", "-c", source, *arguments],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": ROOT, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    complaints = [line for line in run.stderr.splitlines() if not SLOW.fullmatch(line)]
    assert (run.returncode, complaints) == (0, []), run.stderr
    return run.stdout.strip()


def test_no_warning_and_no_leak_whatever_is_left_open(store_url: str, tmp_path: Path) -> None:
    name = f"q{tmp_path.name[-40:].replace('[', '').replace(']', '')}-{os.getpid()}"
    assert run_script(SCRIPT, store_url, name, cwd=tmp_path) == "done"


def test_making_a_queue_touches_nothing(tmp_path: Path) -> None:
    source = "from aioqueue import Queue; Queue(); Queue('redis://127.0.0.1:1'); Queue('sqlite:///no/such/folder/x.db')"
    run_script(source, cwd=tmp_path)
    assert list(tmp_path.iterdir()) == []


# ---------------------------------------------------------------- opening
@pytest.mark.asyncio
async def test_concurrent_first_use_opens_once(make_queue: MakeQueue) -> None:
    queue = make_queue()
    add = add_task(queue)
    driver = queue.driver()
    opened = 0

    def counted() -> Any:
        nonlocal opened
        opened += 1
        return driver

    queue.driver = counted  # type: ignore[method-assign]
    results = await asyncio.gather(*(add(n, 0) for n in range(20)), queue.counts(), queue.session())
    assert opened == 1
    assert (await queue.counts())[JobState.QUEUED] == 20
    assert len({result.id for result in results[:20]}) == 20
    await queue.close()


@pytest.mark.asyncio
async def test_reopened_after_it_was_closed(make_queue: MakeQueue) -> None:
    queue = make_queue()
    add = add_task(queue)
    await queue.close()
    async with queue:
        result = await add(1, 2)
    await queue.close()
    async with queue:
        async with queue:
            pass
        async with queue.worker():
            assert await result.get(timeout=10) == 3


@pytest.mark.asyncio
@pytest.mark.parametrize("ending", ["inner first", "outer first"])
async def test_the_last_of_several_blocks_closes_it(make_queue: MakeQueue, ending: str) -> None:
    queue = make_queue()
    add = add_task(queue)
    async with AsyncExitStack() as one, AsyncExitStack() as other:
        await one.enter_async_context(queue)
        await other.enter_async_context(queue)
        session = await queue.session()
        waiting = asyncio.create_task((await add(1, 2)).get(timeout=20))
        first, last = (other, one) if ending == "inner first" else (one, other)
        await first.aclose()
        async with queue.worker():
            assert await waiting == 3
        assert await queue.session() is session
        await last.aclose()
        assert session.is_closed


@pytest.mark.asyncio
async def test_a_block_leaves_the_store_that_it_was_entered_on(make_queue: MakeQueue) -> None:
    queue = make_queue()
    is_inside, goes_on = asyncio.Event(), asyncio.Event()

    async def in_memory() -> None:
        with swap_to_memory("fixture") as swap:
            swap(queue)
            async with queue:
                session = await queue.session()
                is_inside.set()
                await goes_on.wait()
                assert not session.is_closed
            assert session.is_closed

    async with asyncio.timeout(20), asyncio.TaskGroup() as beside:
        async with queue:
            session = await queue.session()
            beside.create_task(in_memory())
            await is_inside.wait()
            assert await queue.session() is not session
        assert session.is_closed
        goes_on.set()
    assert queue._blocks == []


@pytest.mark.asyncio
async def test_a_block_that_could_not_be_opened_is_not_counted(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    queue = Queue(redis_url, name=f"q{uuid.uuid4().hex}")
    opening = type(queue.driver()).open

    async def away(_: object) -> None:
        raise StoreUnavailable("away")

    monkeypatch.setattr(type(queue.driver()), "open", away)
    with pytest.raises(StoreUnavailable, match="away"):
        async with queue:
            raise AssertionError("it is open")
    monkeypatch.setattr(type(queue.driver()), "open", opening)
    async with queue:
        session = await queue.session()
    assert session.is_closed


@pytest.mark.asyncio
async def test_a_block_that_begins_while_the_last_one_ends(make_queue: MakeQueue) -> None:
    queue = make_queue()
    add = add_task(queue)

    async def block(number: int) -> None:
        for _ in range(20):
            async with queue:
                await add(number, 0)

    await asyncio.gather(*(block(number) for number in range(5)))
    assert queue._blocks == []
    async with queue:
        assert (await queue.counts())[JobState.QUEUED] == 100
        session = await queue.session()
    assert session.is_closed


@pytest.mark.asyncio
async def test_close_closes_whatever_blocks_there_are(make_queue: MakeQueue) -> None:
    queue = make_queue()
    async with queue:
        async with queue:
            session = await queue.session()
            await queue.close()
            assert session.is_closed
            again = await queue.session()
        assert not again.is_closed
    assert again.is_closed


def test_a_block_whose_loop_has_ended_does_not_count(make_queue: MakeQueue) -> None:
    queue = make_queue()

    async def enter_only() -> None:
        await queue.__aenter__()

    async def enter_and_leave() -> bool:
        async with queue:
            session = await queue.session()
        return session.is_closed

    asyncio.run(enter_only())
    assert asyncio.run(enter_and_leave())


def test_blocks_of_one_loop_do_not_close_it_for_another(make_queue: MakeQueue) -> None:
    queue = make_queue()

    async def use() -> bool:
        async with queue:
            session = await queue.session()
        return session.is_closed

    with asyncio.Runner() as standing_still:
        standing_still.run(queue.__aenter__())
        assert asyncio.run(use())
        assert standing_still.run(use()) is False
        standing_still.run(queue.__aexit__(None, None, None))
        assert queue._session is None


def test_a_loop_that_is_not_of_asyncio_is_named(make_queue: MakeQueue) -> None:
    queue = make_queue()
    add = add_task(queue)
    uses: list[Callable[[], Any]] = [queue.__aenter__, queue.close, queue.session, lambda: add(1, 2)]
    uses += [queue.worker().__aenter__, Worker(queue).run, Worker(queue).drain]
    with asyncio.Runner() as standing_still:
        for use in uses:
            refused_without_asyncio(use)
        standing_still.run(queue.session())  # what is open on another loop makes no difference
        for use in uses:
            refused_without_asyncio(use)


def refused_without_asyncio(use: Callable[[], Any]) -> None:
    with pytest.raises(ConfigurationError, match=r"no asyncio loop runs here.* trio.* anyio_backend") as refused:
        use().send(None)
    assert "\n" not in str(refused.value)


@pytest.mark.asyncio
async def test_closing_sends_what_is_under_way(make_queue: MakeQueue) -> None:
    queue = make_queue()
    add = add_task(queue)
    await queue.session()
    enqueueing = [asyncio.create_task(add(n, 0)) for n in range(50)]
    await asyncio.sleep(0)
    await queue.close()
    results = await asyncio.gather(*enqueueing)
    assert len(results) == 50
    assert (await queue.counts())[JobState.QUEUED] == 50
    await queue.close()


@pytest.mark.asyncio
async def test_a_cancelled_opening_can_be_tried_again(make_queue: MakeQueue) -> None:
    queue = make_queue()
    add = add_task(queue)
    for turns in (1, 2, 3, 5, 8):
        opening = asyncio.create_task(queue.session())
        for _ in range(turns):
            await asyncio.sleep(0)
        opening.cancel()
        await asyncio.wait({opening})
    await add(1, 2)
    assert (await queue.counts())[JobState.QUEUED] == 1
    await queue.close()


@pytest.mark.asyncio
async def test_a_session_that_is_being_closed_is_not_connected_any_more(
    redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who was to connect it after another had failed opens one of his own."""
    queue = Queue(redis_url, name=f"q{uuid.uuid4().hex}")
    kind, fail = type(queue.driver()), asyncio.Event()
    connect, tries = kind.open, 0

    async def fail_at_first(driver: Any) -> None:
        nonlocal tries
        tries += 1
        if tries == 1:
            await fail.wait()
            raise StoreUnavailable("away")
        await connect(driver)

    monkeypatch.setattr(kind, "open", fail_at_first)
    first, second, closing = (asyncio.create_task(use) for use in (queue.session(), queue.session(), queue.close()))
    for _ in range(5):
        await asyncio.sleep(0)
    fail.set()
    with pytest.raises(StoreUnavailable, match="away"):
        await first
    session = await second
    await closing
    assert (tries, session.is_open) == (2, True)
    await queue.close()


@pytest.mark.asyncio
async def test_a_cancelled_enqueue_leaves_the_queue_usable(make_queue: MakeQueue) -> None:
    queue = make_queue()
    add = add_task(queue)
    async with queue:
        cancelled = [asyncio.create_task(add(n, 0)) for n in range(10)]
        beside = asyncio.create_task(add(1, 1))
        await asyncio.sleep(0)
        for task in cancelled:
            task.cancel()
        result = await beside
        async with queue.worker():
            assert await result.get(timeout=10) == 2


@pytest.mark.asyncio
async def test_an_unreachable_store_is_an_error_of_the_call() -> None:
    queue = Queue("redis://127.0.0.1:1")
    add = add_task(queue)
    async with asyncio.timeout(20):
        for use in (add(1, 2), add.call(1, 2), queue.counts(), queue.result("x").state(), queue.result("x").get(5)):
            with pytest.raises(StoreUnavailable, match=r"127\.0\.0\.1|refused"):
                await use
    await queue.close()


# ---------------------------------------------------------------- loops at the same time, forks
def elsewhere(call: Callable[[], Any]) -> Any:
    """Run `call` in a thread and answer what it returned or raised."""
    answers: list[Any] = []

    def run() -> None:
        try:
            answers.append(call())
        except BaseException as error:
            answers.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(20)
    return answers[0]


@pytest.mark.asyncio
async def test_a_second_running_loop_is_refused(make_queue: MakeQueue) -> None:
    queue = make_queue()
    add = add_task(queue)
    async with queue:

        def use() -> Any:
            return elsewhere(lambda: asyncio.run(add(1, 2)))

        error = await asyncio.to_thread(use)
        assert isinstance(error, ConfigurationError)
        assert "queue.sync" in str(error)
        assert (await queue.counts())[JobState.QUEUED] == 0
    result = await asyncio.to_thread(use)
    assert not isinstance(result, BaseException)
    assert (await queue.counts())[JobState.QUEUED] == 1
    await queue.close()


@pytest.mark.asyncio
async def test_closing_from_another_loop_takes_nothing_away(make_queue: MakeQueue) -> None:
    queue = make_queue()
    add = add_task(queue)
    async with queue, queue.worker():
        wait = asyncio.create_task((await add.options(delay=0.1)(1, 2)).get(timeout=10))
        await asyncio.to_thread(elsewhere, lambda: asyncio.run(queue.close()))
        session = await queue.session()
        await add(3, 4)
        assert await wait == 3
        await asyncio.to_thread(elsewhere, lambda: asyncio.run(queue.close()))
    assert session.is_closed


FORK = """
import asyncio, os, sys
from aioqueue import Queue

queue = Queue(sys.argv[1], name=sys.argv[2])

@queue.task
async def add(a: int, b: int) -> int:
    return a + b

async def child():
    result = await add(1, 2)
    os.write(writing, result.id.encode())

async def main():
    global writing
    async with queue:
        mine = await add(3, 4)
        reading, writing = os.pipe()
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                asyncio.run(child())
                code = 0
            finally:
                os._exit(code)
        _, status = await asyncio.to_thread(os.waitpid, pid, 0)
        assert status == 0, status
        theirs = queue.result(os.read(reading, 100).decode())
        os.close(reading)
        os.close(writing)
        async with queue.worker():
            assert await mine.get(timeout=20) == 7
            assert await theirs.get(timeout=20) == 3
            assert await add.call(5, 6) == 11
asyncio.run(main())
print("done")
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_forked_child_opens_the_queue_anew(shared_store_url: str, tmp_path: Path) -> None:
    source = FORK
    if sys.version_info >= (3, 12):
        source = "import warnings\n" + FORK.replace(
            "asyncio.run(main())\n", "warnings.simplefilter('ignore', DeprecationWarning)\nasyncio.run(main())\n"
        )
    assert run_script(source, shared_store_url, f"fork-{os.getpid()}", cwd=tmp_path) == "done"


# ---------------------------------------------------------------- URLs
@pytest.mark.parametrize(
    "url",
    [
        "bogus://x",
        "redis",
        "redis:",
        "http://localhost",
        "sqlite://file.db",
        "sqlite:///",
        "sqlite:file.db",
        "://",
        "redis+sentinel://x",
        "postgresql://x",
        "redis://localhost/notanumber",
        "redis://localhost:port",
    ],
)
def test_a_wrong_url_is_refused_in_a_sentence(url: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Queue(url)
    assert "://" in str(caught.value) or url in str(caught.value)


@pytest.mark.parametrize(("said", "file"), [("sqlite:///other.db", "other.db"), ("", "aioqueue.db")])
def test_the_url_may_come_from_the_environment(tmp_path: Path, said: str, file: str) -> None:
    source = "import asyncio; from aioqueue import Queue; asyncio.run(Queue({}).counts())"
    run_script(source.format("'memory://'"), cwd=tmp_path, AIOQUEUE_URL=said)
    assert list(tmp_path.iterdir()) == []
    run_script(source.format(""), cwd=tmp_path, AIOQUEUE_URL=said)
    assert file in {path.name for path in tmp_path.iterdir()}


def test_a_password_is_not_shown() -> None:
    assert "secret" not in repr(Queue("redis://user:secret@localhost"))


@pytest.mark.parametrize("url", ["memory://", "sqlite:///x.db", "redis://localhost"])
def test_a_queue_says_where_it_is(url: str) -> None:
    assert "object at 0x" not in repr(Queue(url))


def test_queues_of_other_names_on_one_store_are_apart(store_url: str) -> None:
    async def main() -> None:
        one, other = Queue(store_url, name=f"one{os.getpid()}"), Queue(store_url, name=f"other{os.getpid()}")
        await one.flush()
        await add_task(one)(1, 2)
        async with other.worker():
            await asyncio.sleep(0.02)
        assert (await one.counts())[JobState.QUEUED] == 1
        assert (await other.counts())[JobState.QUEUED] == 0

    asyncio.run(main())


def test_a_process_ends_although_its_last_turn_enqueues(tmp_path: Path) -> None:
    """`asyncio.run` cancels what was submitted before it has made its first step."""
    source = """
import asyncio
from aioqueue import Queue

queue = Queue("memory://")

@queue.task
async def add(a: int, b: int) -> int:
    return a + b

async def main():
    await add(1, 2)
    asyncio.create_task(forget())

async def forget():
    await add(3, 4)

asyncio.run(main())
"""
    command = [sys.executable, "-c", source]
    subprocess.run(command, cwd=tmp_path, env={**os.environ, "PYTHONPATH": ROOT}, timeout=30, check=True)
