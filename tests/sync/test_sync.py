"""`queue.sync`: one bridge for threads, scripts and synchronous views."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
import uuid
from collections.abc import AsyncIterator, Callable
from concurrent.futures import CancelledError, Future
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from aioqueue import ConfigurationError, Queue, ResultTimeout, TaskException, Worker
from tests.conftest import ROOT
from tests.core.stores import MakeQueue

pytestmark = pytest.mark.asyncio


async def test_from_a_thread(queue: Queue) -> None:
    @queue.task
    async def add(a: int, b: int) -> int:
        return a + b

    def view() -> int:
        result = queue.sync(add(1, 2))
        return queue.sync(result)

    async with queue, queue.worker():
        assert await asyncio.to_thread(view) == 3


async def test_a_thread_task_enqueues_and_waits(queue: Queue) -> None:
    """It waits in its thread; the worker's loop runs the other job meanwhile."""

    @queue.task
    async def add(a: int, b: int) -> int:
        return a + b

    @queue.task
    def twice(n: int) -> int:
        return queue.sync(add.call(n, n))

    async with queue, queue.worker():
        assert await twice.call(21) == 42


async def test_the_workers_loop_turns_while_a_thread_task_waits(queue: Queue) -> None:
    asked, end = asyncio.Event(), asyncio.Event()

    @queue.task
    async def answer() -> int:
        asked.set()
        await end.wait()
        return 42

    @queue.task
    def waits() -> int:
        return queue.sync(answer.call())

    @queue.task
    async def another() -> int:
        return 1

    async with asyncio.timeout(10), queue, queue.worker():
        result = await waits()
        await asked.wait()
        assert [await another.call() for _ in range(10)] == [1] * 10
        assert not await result.ready()
        end.set()
        assert await result == 42


async def test_with_a_worker_whose_queue_nobody_opened(make_queue: MakeQueue) -> None:
    """As `aioqueue worker` runs it: bodies in threads and on the loop use the queue by turns."""
    queue, client = make_queue(), make_queue()

    @queue.task
    async def add(a: int, b: int) -> int:
        return a + b

    @queue.task
    def in_thread(n: int) -> int:
        return queue.sync(add.call(n, n))

    @queue.task
    async def on_loop(n: int) -> int:
        return await add.call(n, n)

    client.registry.add(in_thread)
    client.registry.add(on_loop)
    async with client, Worker(queue):
        for task in (in_thread, on_loop, in_thread):
            job = task.s(2)
            await client.enqueue(job)
            assert await client.result(job.id).get(timeout=10) == 4
    await queue.close()


async def test_from_a_script(shared_store_url: str, tmp_path: Path) -> None:
    """On a loop of its own in a daemon thread, which nobody has to stop."""
    name = f"q{uuid.uuid4().hex}"
    script = tmp_path / "script.py"
    script.write_text(
        f"""
from aioqueue import Queue
queue = Queue({shared_store_url!r}, name={name!r})

@queue.task(name="add")
def add(a: int, b: int) -> int:
    return a + b

results = [queue.sync(add(1, n)) for n in range(3)]
with queue.sync.enter(queue.worker()):
    print([queue.sync(result) for result in results])
    print(queue.sync(add.call(4, 5), timeout=10))
"""
    )
    run = [sys.executable, "-W", "error", script]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = await asyncio.to_thread(subprocess.run, run, capture_output=True, text=True, timeout=30, env=environment)
    assert (done.stdout, done.stderr, done.returncode) == ("[1, 2, 3]\n9\n", "", 0)


async def test_refused_on_the_thread_of_a_running_loop(memory_queue: Queue) -> None:
    @memory_queue.task
    async def add(a: int, b: int) -> int:
        return memory_queue.sync(add.call(a, b))

    async with memory_queue:
        with pytest.raises(RuntimeError, match="await instead"):
            memory_queue.sync(add(1, 2))
        with pytest.raises(RuntimeError, match="await instead"):
            memory_queue.sync(memory_queue.result("1"))
        with pytest.raises(RuntimeError, match="await instead"), memory_queue.sync.enter(memory_queue.worker()):
            pass


async def test_timeout_and_errors(memory_queue: Queue) -> None:
    cancelled = threading.Event()

    async def endless() -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            cancelled.set()
            raise

    async def fails() -> None:
        raise LookupError("nothing there")

    def script() -> None:
        with pytest.raises(TimeoutError):
            memory_queue.sync(endless(), timeout=0.01)
        assert cancelled.wait(10)
        with pytest.raises(LookupError, match="nothing there"):
            memory_queue.sync(fails())

    async with memory_queue:
        await asyncio.to_thread(script)
        job = await asyncio.to_thread(memory_queue.sync, _stored(memory_queue))
        with pytest.raises(ResultTimeout):
            await asyncio.to_thread(lambda: memory_queue.sync(memory_queue.result(job).get(timeout=0.01)))


async def _stored(queue: Queue) -> str:
    @queue.task
    async def nobody_runs_this() -> None: ...

    return (await nobody_runs_this()).id


async def test_enter(memory_queue: Queue) -> None:
    """Entered and left in one asyncio.Task, whose timeouts and task groups hold in between."""
    calls: list[str] = []

    @asynccontextmanager
    async def resource(suppress: bool = False) -> AsyncIterator[str]:
        async with asyncio.timeout(30), asyncio.TaskGroup():
            calls.append("open")
            try:
                yield "it"
            except ZeroDivisionError:
                calls.append("error")
                if not suppress:
                    raise
            finally:
                calls.append("close")

    @asynccontextmanager
    async def broken() -> AsyncIterator[str]:
        raise LookupError("cannot be opened")
        yield ""

    def script() -> None:
        with memory_queue.sync.enter(resource()) as value:
            assert value == "it"
        with pytest.raises(ExceptionGroup), memory_queue.sync.enter(resource()):
            _ = 1 // 0
        with memory_queue.sync.enter(resource(suppress=True)):
            _ = 1 // 0
        with pytest.raises(LookupError, match="cannot be opened"), memory_queue.sync.enter(broken()):
            pytest.fail("it was not opened")

    async with memory_queue:
        await asyncio.to_thread(script)
    assert calls == ["open", "close", "open", "error", "close", "open", "error", "close"]


async def test_a_lock_and_a_worker_are_entered(queue: Queue) -> None:
    @queue.task
    async def add(a: int, b: int) -> int:
        return a + b

    def script() -> tuple[int, bool]:
        with queue.sync.enter(queue.lock_task("one")):
            is_locked = queue.sync(queue.is_locked("one"))
        with queue.sync.enter(queue.worker()):
            return queue.sync(add.call(1, 2)), is_locked

    async with queue:
        assert await asyncio.to_thread(script) == (3, True)
        assert not await queue.is_locked("one")


async def test_iterate(queue: Queue) -> None:
    closed = threading.Event()

    async def count(to: int) -> AsyncIterator[int]:
        try:
            for n in range(to):
                yield n
        finally:
            closed.set()

    @queue.task
    async def add(a: int, b: int) -> int:
        return a + b

    def script() -> list[str]:
        assert list(queue.sync.iterate(count(3))) == [0, 1, 2]
        closed.clear()
        for n in queue.sync.iterate(count(3)):
            if n == 1:
                break
        assert closed.wait(10)
        result = queue.sync(add(1, 2))
        return [event.status for event in queue.sync.iterate(result.events())]

    async with queue, queue.worker():
        assert (await asyncio.to_thread(script))[-1] == "finished"


STRANGE = [
    ValueError("broken"),
    SystemExit(3),
    KeyboardInterrupt(),
    GeneratorExit(),
    asyncio.CancelledError("mine"),
    StopIteration(1),
    StopAsyncIteration(),
    TimeoutError("mine"),
]


def outcome_in_a_thread(script: Callable[[], object]) -> Future[object]:
    """Return what a script did, its error as a value: asyncio cannot carry every error out of a thread."""
    done: Future[object] = Future()

    def run() -> None:
        try:
            done.set_result(script())
        except BaseException as error:
            done.set_result(error)

    threading.Thread(target=run, daemon=True).start()
    return done


@pytest.mark.parametrize("error", STRANGE, ids=lambda error: type(error).__name__)
async def test_any_error_inside_enter_reaches_the_manager_and_the_thread(
    memory_queue: Queue, error: BaseException
) -> None:
    seen: list[BaseException] = []

    @asynccontextmanager
    async def resource() -> AsyncIterator[None]:
        try:
            yield
        except BaseException as raised:
            seen.append(raised)
            raise

    def script() -> None:
        with memory_queue.sync.enter(resource()):
            raise error

    async with memory_queue, asyncio.timeout(10):
        assert await asyncio.wrap_future(outcome_in_a_thread(script)) is error
        assert seen == [error]
        assert await asyncio.to_thread(memory_queue.sync, memory_queue.kv.get("the loop goes on", "yes")) == "yes"


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt(), GeneratorExit()], ids=repr)
async def test_any_error_of_an_awaitable_reaches_the_thread(memory_queue: Queue, error: BaseException) -> None:
    async def raises() -> None:
        raise error

    @asynccontextmanager
    async def broken() -> AsyncIterator[None]:
        raise error
        yield

    def entered() -> None:
        with memory_queue.sync.enter(broken()):
            pytest.fail("it was not opened")

    async with memory_queue, asyncio.timeout(10):
        for script in (lambda: memory_queue.sync(raises()), entered):
            assert await asyncio.wrap_future(outcome_in_a_thread(script)) is error


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt(), StopIteration(1)], ids=repr)
async def test_a_body_that_exits_inside_the_bridge_ends_its_job_only(queue: Queue, error: BaseException) -> None:
    async def raises() -> None:
        raise error

    @queue.task
    def inside() -> None:
        with queue.sync.enter(queue.lock_task("a")):
            raise error

    @queue.task
    def through() -> None:
        queue.sync(raises())

    @queue.task
    async def after() -> bool:
        return await queue.is_locked("a")

    async with queue, queue.worker():
        for task in (inside, through):
            with pytest.raises(TaskException, match=type(error).__name__):
                await (await task()).get(timeout=10)
        assert await (await after()).get(timeout=10) is False


async def test_a_manager_whose_loop_ends_is_left_with_it(make_queue: MakeQueue) -> None:
    """The thread that is inside learns of it when it leaves, and does not wait for a loop that is gone."""
    queue, calls = make_queue(), []
    inside, go = threading.Event(), threading.Event()

    @asynccontextmanager
    async def resource() -> AsyncIterator[None]:
        try:
            yield
        finally:
            calls.append("left")

    def script() -> None:
        with queue.sync.enter(resource()):
            inside.set()
            assert go.wait(10)

    async def main() -> Future[object]:
        async with queue:
            outcome = outcome_in_a_thread(script)
            assert await asyncio.to_thread(inside.wait, 10)
            return outcome

    outcome = await asyncio.to_thread(lambda: asyncio.run(main()))
    assert calls == ["left"]
    go.set()
    async with asyncio.timeout(10):
        assert isinstance(await asyncio.wrap_future(outcome), CancelledError)


async def test_a_queue_that_was_left_open_there_says_how_to_close_it(queue: Queue) -> None:
    """As after a synchronous test: the loop that it is open on is one that the reader of the error never made."""

    def test_of_an_application() -> None:
        queue.sync(queue.kv.put("key", 1))

    def remedy() -> None:
        queue.sync(queue.close())

    await asyncio.to_thread(test_of_an_application)
    with pytest.raises(
        ConfigurationError, match=r"still open on the loop of queue\.sync.* queue\.sync\(queue\.close\(\)\)"
    ):
        await queue.kv.get("key")
    await asyncio.to_thread(remedy)
    async with queue:
        await queue.kv.get("key")


async def test_a_queue_that_is_open_on_a_loop_of_the_application_says_so(queue: Queue) -> None:
    async def use() -> None:
        await queue.kv.get("key")

    async with queue:
        with pytest.raises(ConfigurationError, match="is open in another running event loop"):
            await asyncio.to_thread(asyncio.run, use())
