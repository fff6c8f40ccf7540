"""A simulated process: it can disappear between any two steps, or stand still for a while and go on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextvars import Context, ContextVar, copy_context
from typing import TYPE_CHECKING, Any, Final

from aioqueue.drivers.base import Driver
from aioqueue.session import Session

if TYPE_CHECKING:
    from tests.simulation.history import History

running_process: ContextVar[Process] = ContextVar("running_process")

LAST_RITES: Final = 20
LONGEST_RITE: Final = 100.0


class Step:
    """One call that a loop is to make for a process."""

    __slots__ = ("args", "callback", "context", "handle")

    def __init__(self, callback: Callable[..., object], args: tuple[Any, ...], context: Context) -> None:
        self.callback = callback
        self.args = args
        self.context = context
        self.handle: asyncio.Handle | None = None


class Process:
    """Everything that runs in its context. `over` is set when it has disappeared or its main coroutine has ended."""

    def __init__(self, pid: int, name: str, history: History) -> None:
        self.pid = pid
        self.name = name
        self.history = history
        self.over = asyncio.Event()
        self.has_vanished = False
        self.is_buried = False
        self.was_interrupted = False
        self.cut_off_until = 0.0
        self.session: Session | None = None
        self.make_driver: Callable[[], Driver]
        self.interrupt: Callable[[], object] = lambda: None
        self.main: asyncio.Task[Any] | None = None
        self.attempts: dict[asyncio.Task[None], None] = {}
        self.waits: list[asyncio.Task[None]] = []
        self.tasks: dict[asyncio.Task[Any], None] = {}  # a set would have another order each time
        self.stands_still = False
        self._undone: list[Step] = []

    def start(self, main: Coroutine[Any, Any, object]) -> None:
        """Run `main`, and whatever it starts, as this process."""
        context = copy_context()
        context.run(running_process.set, self)
        self.main = context.run(asyncio.get_running_loop().create_task, main)
        self.main.add_done_callback(lambda _: self.over.set(), context=Context())

    def take(self, step: Step) -> None:
        """Take a step, unless this process is gone or stands still: then it is taken when that goes on."""
        if self.stands_still:
            self._undone.append(step)
        else:
            step.callback(*step.args)

    def vanish(self) -> None:
        """Disappear at once: nothing of this process takes another step."""
        if self.is_buried:
            return
        self.has_vanished = self.stands_still = True
        self.over.set()

    def stand_still(self) -> None:
        """Take no step until `go_on`."""
        self.stands_still = True

    def go_on(self) -> None:
        """Take every step that was left out meanwhile, unless this process has disappeared."""
        if not self.has_vanished:
            self._resume()

    async def bury(self) -> None:
        """When all has been judged, end whatever is left of this process, so that it leaves nothing to Python."""
        self.is_buried = True
        self._resume()
        for _ in range(LAST_RITES):
            left = list(self.tasks)
            if not left:
                break
            for task in left:
                task.cancel()
            await asyncio.wait(left, timeout=LONGEST_RITE)
        if self.session is not None:
            await self.session.close()
        assert not self.tasks, f"{self.name} does not end: {list(self.tasks)}"

    def forget(self, task: asyncio.Task[Any]) -> None:
        """Let go of an asyncio.Task that has ended."""
        self.tasks.pop(task, None)

    def _resume(self) -> None:
        self.stands_still = False
        undone, self._undone = self._undone, []
        for step in undone:
            asyncio.get_running_loop().call_soon(_catch_up, step, context=step.context)


def _catch_up(step: Step) -> None:
    if step.handle is None or not step.handle.cancelled():
        step.callback(*step.args)
