"""Functions of the application that run around workers and bodies."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final, Literal, TypeAlias, TypeVar

from aioqueue.canvas.job import Job
from aioqueue.errors import CancelExecution
from aioqueue.signals import raise_if_cancelled

logger: Final = logging.getLogger("aioqueue")

Startup = TypeVar("Startup", bound=Callable[[], object])
Pre = TypeVar("Pre", bound=Callable[[Job[Any]], object])
Post = TypeVar("Post", bound=Callable[[Job[Any], Any, BaseException | None], object])
Scope: TypeAlias = Literal["worker", "thread", "process"]

SCOPES: Final[tuple[Scope, ...]] = ("worker", "thread", "process")


class Hooks:
    """The hooks of one queue, in the order of their registration.

    Sync pre- and post-execute hooks run where the body runs, async ones on the worker's loop, before and after those.
    """

    def __init__(self) -> None:
        self.startup: dict[Scope, list[Callable[[], object]]] = {scope: [] for scope in SCOPES}
        self.shutdown: dict[Scope, list[Callable[[], object]]] = {scope: [] for scope in SCOPES}
        self.pre_on_loop: list[Callable[[Job[Any]], Any]] = []
        self.pre_in_body: list[Callable[[Job[Any]], object]] = []
        self.post_on_loop: list[Callable[[Job[Any], Any, BaseException | None], Any]] = []
        self.post_in_body: list[Callable[[Job[Any], Any, BaseException | None], object]] = []

    def add_pre(self, hook: Pre) -> Pre:
        """Have `hook(job)` called before each body; it may raise `CancelExecution`."""
        (self.pre_on_loop if inspect.iscoroutinefunction(hook) else self.pre_in_body).append(hook)
        return hook

    def add_post(self, hook: Post) -> Post:
        """Have `hook(job, value, exc)` called after each body; what it raises is only logged."""
        (self.post_on_loop if inspect.iscoroutinefunction(hook) else self.post_in_body).append(hook)
        return hook

    @property
    def in_body(self) -> bool:
        """Whether there are sync pre- or post-execute hooks."""
        return bool(self.pre_in_body or self.post_in_body)

    @property
    def on_loop(self) -> bool:
        """Whether there are async pre- or post-execute hooks."""
        return bool(self.pre_on_loop or self.post_on_loop)

    @property
    def in_threads(self) -> bool:
        """Whether there are hooks for the life of a thread."""
        return bool(self.startup["thread"] or self.shutdown["thread"])

    async def start_worker(self) -> None:
        """Run the startup hooks of the worker; what one raises keeps it from starting."""
        for hook in self.startup["worker"]:
            await _finish(hook())

    async def stop_worker(self) -> None:
        """Run the shutdown hooks of the worker, the last one first; what one raises is only logged."""
        for hook in reversed(self.shutdown["worker"]):
            try:
                await _finish(hook())
            except (Exception, SystemExit, asyncio.CancelledError) as error:
                raise_if_cancelled(error)
                logger.exception("the shutdown hook %r raised", hook)

    def start_here(self, scope: Scope) -> None:
        """Run the startup hooks of this thread or process; what one raises is raised at the job that came first."""
        for hook in self.startup[scope]:
            hook()

    def stop_here(self, scope: Scope) -> None:
        """Run the shutdown hooks of this thread or process, the last one first; what one raises is only logged."""
        for hook in reversed(self.shutdown[scope]):
            try:
                hook()
            except (Exception, SystemExit):
                logger.exception("the shutdown hook %r raised", hook)

    def add_life(self, hooks: dict[Scope, list[Callable[[], object]]], scope: Scope, hook: Startup) -> Startup:
        """Register a startup or shutdown hook; `ValueError` for an unknown scope, `TypeError` for an async one in a
        thread or process, where there is no loop."""
        if scope not in SCOPES:
            raise ValueError(f"scope= is one of {', '.join(SCOPES)}, not {scope!r}")
        if scope != "worker" and inspect.iscoroutinefunction(hook):
            raise TypeError(f"a hook with scope={scope!r} is a plain function: there is no event loop in a {scope}")
        hooks[scope].append(hook)
        return hook

    async def before(self, job: Job[Any]) -> None:
        """Run the async pre-execute hooks."""
        for hook in self.pre_on_loop:
            with _named_as_a_hook():
                await hook(job)

    async def after(self, job: Job[Any], value: object, error: BaseException | None) -> None:
        """Run the async post-execute hooks."""
        for hook in self.post_on_loop:
            try:
                await hook(job, value, error)
            except (Exception, SystemExit, asyncio.CancelledError) as raised:
                raise_if_cancelled(raised)
                logger.exception("the post-execute hook %r raised", hook)

    def run_body(self, job: Job[Any], body: Callable[[], Any]) -> Any:
        """Run a plain body with the sync hooks around it, here."""
        self.before_here(job)
        try:
            value = body()
        except BaseException as error:
            self.after_here(job, None, error)
            raise
        self.after_here(job, value, None)
        return value

    def before_here(self, job: Job[Any]) -> None:
        """Run the sync pre-execute hooks."""
        for hook in self.pre_in_body:
            with _named_as_a_hook():
                hook(job)

    def after_here(self, job: Job[Any], value: object, error: BaseException | None) -> None:
        """Run the sync post-execute hooks."""
        for hook in self.post_in_body:
            try:
                hook(job, value, error)
            except (Exception, SystemExit, asyncio.CancelledError):
                logger.exception("the post-execute hook %r raised", hook)


@contextmanager
def _named_as_a_hook() -> Iterator[None]:
    """Let a `CancelExecution` say that it came from a hook."""
    try:
        yield
    except CancelExecution as error:
        error.by_hook = True
        raise


async def _finish(answer: object) -> None:
    if inspect.isawaitable(answer):
        await answer
