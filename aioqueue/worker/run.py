"""One run of a body: what goes in, and what came out of it beside its ending."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from aioqueue.canvas.job import Job
from aioqueue.hooks import Hooks
from aioqueue.task import Task
from aioqueue.worker.ending import Ending, ending_of, returned


class Run:
    """Filled in by whoever runs the body: `value` or `error` are for hooks and signal handlers of this process.

    `is_let_in` says that the async hooks before the body let it begin, `left_behind` is set when a thread that was
    stopped and could not be has ended after all.
    """

    __slots__ = ("arguments", "error", "hooks", "is_let_in", "job", "left_behind", "task", "timeout", "value")

    def __init__(
        self, task: Task[..., Any], job: Job[Any], arguments: bytes, timeout: float | None, hooks: Hooks
    ) -> None:
        self.task: Final = task
        self.job: Final = job
        self.arguments: Final = arguments
        self.timeout: Final = timeout
        self.hooks: Final = hooks
        self.value: Any = None
        self.error: BaseException | None = None
        self.is_let_in: bool = False
        self.left_behind: asyncio.Event | None = None

    def call(self) -> tuple[list[Any], dict[str, Any]]:
        """Return what to call the function with."""
        args, kwargs = self.task.parameters.decode(self.arguments)
        return ([self.job, *args] if self.task.declaration.context else args), kwargs

    def arguments_by_name(self) -> dict[str, Any]:
        """Return the arguments that the caller gave, by parameter."""
        return self.task.parameters.by_name(self.arguments)

    def returned(self, value: object) -> Ending:
        """Note what the body returned, and describe it."""
        self.value = value
        return returned(self.task.source.returns, value)

    def raised(self, error: BaseException) -> Ending:
        """Note what the body raised, and describe it."""
        self.error = error
        return ending_of(error, self.task.declaration)
