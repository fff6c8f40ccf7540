"""What a task may have to pass before its body runs: locks, semaphores, rate limits."""

from __future__ import annotations

import asyncio
import inspect
import logging
import re
import uuid
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any, Final, Protocol, Self, TypeAlias, TypeVar

from aioqueue.drivers.base import Driver
from aioqueue.errors import RateLimitExceeded, RetryTask, StoreUnavailable, TaskLockedException
from aioqueue.options import Seconds, count, seconds
from aioqueue.result import OpenSession

logger: Final = logging.getLogger("aioqueue")

T = TypeVar("T")
Fn = TypeVar("Fn", bound=Callable[..., Any])
Name: TypeAlias = str | Callable[..., str]

_NAME: Final = r"[^\x00-\x1f\ud800-\udfff]{1,200}"
_MARK: Final = "__aioqueue_guards__"
RENEWALS_PER_TTL: Final = 3


class Pass(Protocol):
    """What was taken at a guard; to be given back."""

    async def give_back(self) -> None:
        """Give it back."""


class Asking(Protocol):
    """How a store is asked: once, or as a worker does until it answers. `what` says for what, in its log."""

    async def __call__(self, what: str, operation: Callable[[], Awaitable[T]], /) -> T: ...


class Guard(Protocol):
    """Something to pass before a body runs."""

    async def take(self, driver: Driver, arguments: dict[str, Any], asking: Asking) -> Pass:
        """Pass, or raise the `TaskCancelled` that says why not. `arguments` are the body's, by parameter.

        Raises `RetryTask` where the refusal may be the echo of a request whose answer was lost.
        """
        ...


async def once(_what: str, operation: Callable[[], Awaitable[T]], /) -> T:
    """Ask the store once: its `StoreUnavailable` is the caller's."""
    return await operation()


class Lock:
    """One of `limit` places under a name, held by one owner for `ttl` seconds and renewed while it is held.

    `async with` it, or put it as a decorator directly above a function, under `@queue.task`: the worker then takes it
    before the body, whatever the executor. Who cannot take it gets `TaskLockedException` at once. A job does not wait
    in line for it: being kept out uses one of its `retries`, and with none left it is cancelled as *locked* and never
    runs. For "so many at once, the rest wait" give the task `retries` and a `retry_delay` that together last longer
    than the rest may have to wait.

    A holder that dies is free of it after `ttl`. A thread that outlives its job's timeout keeps it until it ends.
    """

    def __init__(self, session: OpenSession, name: Name, ttl: Seconds = 30, limit: int = 1) -> None:
        self._session = session
        self._name = name if callable(name) else checked_name(name)
        self._ttl = seconds("ttl", ttl)
        if self._ttl <= 0:
            raise ValueError("ttl= must be more than 0 seconds")
        self._limit = count("limit", limit, least=1)
        self._held: list[tuple[asyncio.Task[Any] | None, _Hold]] = []

    async def __aenter__(self) -> Self:
        if callable(self._name):
            raise TypeError("a lock whose name depends on the arguments works as a decorator only")
        session = await self._session()
        hold = await _Hold.take(session.driver, self._name, self._ttl, self._limit, once)
        self._held.append((asyncio.current_task(), hold))
        return self

    async def __aexit__(self, *exc: object) -> None:
        _, hold = self._held.pop(self._newest_of(asyncio.current_task()))
        await hold.give_back()

    def _newest_of(self, task: asyncio.Task[Any] | None) -> int:
        """Return the index of what `task` took last, else of what was taken last: one may leave in another's stead."""
        return max((index for index, (holder, _) in enumerate(self._held) if holder is task), default=-1)

    def __call__(self, fn: Fn, /) -> Fn:
        """Mark `fn`: the worker takes the lock before it runs it."""
        return mark(fn, Lock(self._session, _with_defaults_of(fn, self._name), self._ttl, self._limit))

    async def take(self, driver: Driver, arguments: dict[str, Any], asking: Asking) -> Pass:
        """Take a place for one run of a body."""
        return await _Hold.take(driver, name_for(self._name, arguments), self._ttl, self._limit, asking)


class RateLimit:
    """At most `limit` uses in any `per` seconds, over all processes, exactly.

    `async with` it, or put it as a decorator directly above a function, under `@queue.task`. Who is over it gets
    `RateLimitExceeded`; a job uses one of its `retries` each time, and with none left it is cancelled as
    *rate-limited* and never runs. A use whose confirmation was lost may count twice; a job loses nothing by that.
    """

    def __init__(self, session: OpenSession, name: Name, limit: int, per: Seconds) -> None:
        self._session = session
        self._name = name if callable(name) else checked_name(name)
        self._limit = count("limit", limit, least=1)
        self._per = seconds("per", per)
        if self._per <= 0:
            raise ValueError("per= must be more than 0 seconds")

    async def __aenter__(self) -> Self:
        session = await self._session()
        await self.take(session.driver, {}, once)
        return self

    async def __aexit__(self, *exc: object) -> None:
        """A use stays used."""

    def __call__(self, fn: Fn, /) -> Fn:
        """Mark `fn`: the worker asks the limit before it runs it."""
        return mark(fn, RateLimit(self._session, _with_defaults_of(fn, self._name), self._limit, self._per))

    async def take(self, driver: Driver, arguments: dict[str, Any], asking: Asking) -> Pass:
        """Use the limit once."""
        spending = _Spending(driver, name_for(self._name, arguments), self._limit, self._per)
        wait = await asking("ask a rate limit", spending.ask)
        if wait > 0:
            raise spending.refusal(wait)
        return _USED


class _Spending:
    """One use of a rate limit, which counts again each time that it is asked for."""

    def __init__(self, driver: Driver, name: str, limit: int, per: float) -> None:
        self._driver = driver
        self._name = name
        self._limit = limit
        self._per = per
        self._unanswered = False

    async def ask(self) -> float:
        try:
            return await self._driver.spend(self._name, self._limit, self._per)
        except StoreUnavailable:
            self._unanswered = True
            raise

    def refusal(self, wait: float) -> Exception:
        """Say why not; where the use in the way may be its own, unanswered one, ask for another try, uncounted."""
        said = f"over the rate limit {self._name!r}: {self._limit} in {self._per:g} s; the next use is in {wait:.3g} s"
        return RetryTask(said, delay=wait) if self._unanswered else RateLimitExceeded(said, reason="rate-limited")


class _Used:
    async def give_back(self) -> None:
        """Keep: a use stays used."""


_USED: Final = _Used()


class _Hold:
    """A place that is held, and the asyncio.Task that renews it."""

    def __init__(self, driver: Driver, name: str, owner: str, ttl: float) -> None:
        self._driver = driver
        self._name = name
        self._owner = owner
        self._ttl = ttl
        self._renewing = asyncio.create_task(self._renew())

    @classmethod
    async def take(cls, driver: Driver, name: str, ttl: float, limit: int, asking: Asking) -> _Hold:
        owner = uuid.uuid4().hex
        try:
            taken = await asking("take a lock", partial(driver.acquire, name, owner, ttl, limit))
        except BaseException:
            await _forget(driver, name, owner)
            raise
        if not taken:
            raise TaskLockedException(f"the lock {name!r} is held by another", reason="locked")
        return cls(driver, name, owner, ttl)

    async def give_back(self) -> None:
        self._renewing.cancel()
        await asyncio.gather(self._renewing, return_exceptions=True)
        await _forget(self._driver, self._name, self._owner)

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(self._ttl / RENEWALS_PER_TTL)
            try:
                held = await self._driver.extend(self._name, self._owner, self._ttl)
            except StoreUnavailable as error:
                logger.debug("cannot renew the lock %r now: %s", self._name, error)
                continue
            if not held:
                logger.warning("the lock %r was lost: it was cleared, or could not be renewed for its ttl", self._name)
                return


async def _forget(driver: Driver, name: str, owner: str) -> None:
    try:
        await driver.free(name, owner)
    except StoreUnavailable as error:
        logger.debug("the lock %r ends by its ttl: %s", name, error)


def mark(fn: Fn, guard: Guard) -> Fn:
    """Note on a function that `guard` is to be passed before it runs, before those noted earlier.

    Raises `TypeError` for a task: it would run without.
    """
    _refuse_other_than_function(fn)
    setattr(fn, _MARK, (guard, *guards_of(fn)))
    return fn


def _refuse_other_than_function(fn: object) -> None:
    if not inspect.isroutine(fn):
        raise TypeError(f"a guard goes directly above the function, under @queue.task, not above {fn!r}")


def guards_of(fn: Callable[..., Any]) -> tuple[Guard, ...]:
    """Return the guards of a function, outermost first."""
    guards: tuple[Guard, ...] = getattr(fn, _MARK, ())
    return guards


def checked_name(name: object) -> str:
    """Return the name of a lock, a semaphore or a rate limit; `ValueError` for none."""
    if not isinstance(name, str) or not re.fullmatch(_NAME, name):
        raise ValueError(f"a name of 1 to 200 printable characters is needed, not {name!r}")
    return name


def name_for(name: Name, arguments: dict[str, Any]) -> str:
    """Return the name that holds for one run; a callable name is given the parameters that it asks for."""
    if not callable(name):
        return name
    return checked_name(name(**asked_for(name, arguments)))


def asked_for(fn: Callable[..., Any], arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return those of `arguments` that `fn` has a parameter for; all where it has one for any keyword."""
    wanted = inspect.signature(fn).parameters
    takes_any = any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in wanted.values())
    return {name: value for name, value in arguments.items() if takes_any or name in wanted}


def _with_defaults_of(fn: Callable[..., Any], name: Name) -> Name:
    """Let a callable name see what `fn` takes for arguments that the caller leaves out."""
    if not callable(name):
        return name
    parameters = inspect.signature(fn).parameters.values()
    return partial(name, **asked_for(name, {p.name: p.default for p in parameters if p.default is not p.empty}))
