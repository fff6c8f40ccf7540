"""One bridge from threads, scripts and synchronous views to the loop of a queue."""

from __future__ import annotations

import asyncio
import atexit
import inspect
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import Future, InvalidStateError
from contextlib import AbstractAsyncContextManager, AbstractContextManager, suppress
from types import TracebackType
from typing import Final, Generic, TypeAlias, TypeVar, cast

T = TypeVar("T")

# What an awaitable returned, or what it raised. An error crosses the loop as a value: raised out of an asyncio.Task,
# SystemExit and KeyboardInterrupt would end the loop, and StopIteration cannot be raised out of a future at all.
_Answer: TypeAlias = tuple[T | None, BaseException | None]


class Sync:
    """Runs awaitables from code that cannot await: `value = queue.sync(result)`.

    They run on the loop that opened the queue, else on that of a worker in this process, else on a loop in a daemon
    thread.
    """

    def __init__(self, loop_in_use: Callable[[], asyncio.AbstractEventLoop | None]) -> None:
        self._loop_in_use = loop_in_use
        self._loop_of_worker: asyncio.AbstractEventLoop | None = None

    def lean_on(self, loop: asyncio.AbstractEventLoop) -> None:
        """Note the loop of a worker: bodies in its threads are not to open the queue on another one."""
        self._loop_of_worker = loop

    def __call__(self, awaitable: Awaitable[T], /, *, timeout: float | None = None) -> T:
        """Wait for `awaitable` for up to `timeout` seconds and return its value, or raise what it raises.

        Raises `TimeoutError` after the timeout, having cancelled it, and `RuntimeError` where it would wait for itself:
        on a running loop's own thread.
        """
        try:
            loop = self._loop()
        except RuntimeError:
            if inspect.iscoroutine(awaitable):
                awaitable.close()  # else it would be said that it was never awaited
            raise
        return _wait(asyncio.run_coroutine_threadsafe(_within(awaitable, timeout), loop))

    def enter(self, manager: AbstractAsyncContextManager[T], /) -> AbstractContextManager[T]:
        """Use an async context manager in a plain `with`, once."""
        return _Entered(self._loop, manager)

    def iterate(self, source: AsyncIterator[T], /) -> Iterator[T]:
        """Iterate over an async iterator in a plain `for`; leaving early closes it."""
        try:
            while True:
                try:
                    yield self(source.__anext__())
                except StopAsyncIteration:
                    return
        finally:
            close = getattr(source, "aclose", None)
            if close is not None:
                self(close())

    def _loop(self) -> asyncio.AbstractEventLoop:
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            for loop in (self._loop_in_use(), self._loop_of_worker):
                if loop is not None and loop.is_running():
                    return loop
            return _own_loop.get()
        raise RuntimeError("queue.sync(...) would block this thread's running event loop: await instead")


class _Entered(Generic[T]):
    """An async context manager that is entered and left from a thread, on the loop, in one asyncio.Task."""

    def __init__(self, loop: Callable[[], asyncio.AbstractEventLoop], manager: AbstractAsyncContextManager[T]) -> None:
        self._loop: Final = loop
        self._manager: Final = manager
        self._entered: Final[Future[T]] = Future()
        self._left: Final[Future[BaseException | None]] = Future()
        self._inside: Future[_Answer[None]] | None = None

    def __enter__(self) -> T:
        loop = self._loop()
        inside = asyncio.run_coroutine_threadsafe(_inside(self._manager, self._entered, self._left), loop)
        self._inside = inside
        inside.add_done_callback(self._end)
        try:
            return self._entered.result()
        except BaseException:
            inside.cancel()
            raise

    def _end(self, inside: Future[_Answer[None]]) -> None:
        """Let nobody wait to enter what has ended: that raises what ended it."""
        if inside.cancelled():
            self._entered.cancel()
            return
        _, raised = inside.result()
        if raised is not None and not self._entered.done():
            self._entered.set_exception(raised)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        assert self._inside is not None
        with suppress(InvalidStateError):  # the loop was ended meanwhile, and the manager with it
            self._left.set_result(error)
        _, raised = self._inside.result()
        if raised is None:
            return error is not None
        if raised is not error:
            raise raised
        raised.__traceback__ = trace  # without the frames of its way over the loop
        return False


async def _inside(
    manager: AbstractAsyncContextManager[T], entered: Future[T], left: Future[BaseException | None]
) -> _Answer[None]:
    """Enter and leave in one asyncio.Task, as timeouts and task groups need it."""
    error: BaseException | None = None
    try:
        async with manager as value:
            entered.set_result(value)
            error = await asyncio.wrap_future(left)
            if error is not None:
                raise error
    except BaseException as raised:
        if isinstance(raised, asyncio.CancelledError) and raised is not error:
            raise
        return None, raised
    return None, None


async def _within(awaitable: Awaitable[T], timeout: float | None) -> _Answer[T]:
    try:
        async with asyncio.timeout(timeout):
            return await awaitable, None
    except asyncio.CancelledError:
        raise
    except BaseException as error:  # noqa: BLE001
        return None, error


def _wait(future: Future[_Answer[T]]) -> T:
    try:
        value, error = future.result()
    except BaseException:
        future.cancel()
        raise
    if error is not None:
        raise error
    return cast("T", value)


class _OwnLoop:
    """A loop in a daemon thread, started when it is first needed and ended with the interpreter."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def get(self) -> asyncio.AbstractEventLoop:
        """Return the running loop."""
        with self._lock:
            if self._loop is None or self._thread is None or not self._thread.is_alive():
                started = threading.Event()
                self._thread = threading.Thread(target=self._run, args=(started,), name="aioqueue-sync", daemon=True)
                self._thread.start()
                started.wait()
                atexit.register(self._stop)
            assert self._loop is not None
            return self._loop

    def is_it(self, loop: asyncio.AbstractEventLoop) -> bool:
        """Whether this is the loop; asking starts none."""
        return loop is self._loop

    def _run(self, started: threading.Event) -> None:
        with asyncio.Runner() as runner:
            self._loop = runner.get_loop()
            self._loop.call_soon(started.set)
            self._loop.run_forever()

    def _stop(self) -> None:
        if self._loop is not None and self._thread is not None:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(timeout=2)


_own_loop = _OwnLoop()


def is_of_sync(loop: asyncio.AbstractEventLoop) -> bool:
    """Whether a loop is the one in the daemon thread, which nobody but `queue.sync` has made."""
    return _own_loop.is_it(loop)
