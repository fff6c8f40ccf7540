"""What a task may have to pass before its body runs: locks, semaphores, rate limits."""

from __future__ import annotations

import asyncio
import inspect
import logging
import re
import uuid
from collections.abc import Callable
from functools import partial
from typing import Any, Final, Protocol, Self, TypeAlias, TypeVar

from aioqueue.drivers.base import Driver
from aioqueue.errors import RateLimitExceeded, StoreUnavailable, TaskLockedException
from aioqueue.options import Seconds, count, seconds
from aioqueue.result import OpenSession

logger = logging.getLogger("aioqueue")

Fn = TypeVar("Fn", bound=Callable[..., Any])
Name: TypeAlias = str | Callable[..., str]

_NAME: Final = re.compile(r"[^\x00-\x1f]{1,200}")
_MARK: Final = "__aioqueue_guards__"
RENEWALS_PER_TTL: Final = 3


class Pass(Protocol):
    """What was taken at a guard; to be given back."""

    async def give_back(self) -> None:
        """Give it back."""


class Guard(Protocol):
    """Something to pass before a body runs."""

    async def take(self, driver: Driver, arguments: dict[str, Any]) -> Pass:
        """Pass, or raise the `TaskCancelled` that says why not. `arguments` are the body's, by parameter."""
        ...


class Lock:
    """One of `limit` places under a name, held by one owner for `ttl` seconds and renewed while it is held.

    `async with` it, or put it as a decorator directly above a function: the worker then takes it before the body,
    whatever the executor. Who cannot take it gets `TaskLockedException` at once; a job is tried again if it has a
    retry left. A holder that dies is free of it after `ttl`.
    """

    def __init__(self, session: OpenSession, name: Name, ttl: Seconds = 30, limit: int = 1) -> None:
        self._session = session
        self._name = name if callable(name) else checked_name(name)
        self._ttl = seconds("ttl", ttl)
        if self._ttl <= 0:
            raise ValueError("ttl= must be more than 0 seconds")
        self._limit = count("limit", limit, least=1)
        self._held: list[_Hold] = []

    async def __aenter__(self) -> Self:
        if callable(self._name):
            raise TypeError("a lock whose name depends on the arguments works as a decorator only")
        session = await self._session()
        self._held.append(await _Hold.take(session.driver, self._name, self._ttl, self._limit))
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._held.pop().give_back()

    def __call__(self, fn: Fn, /) -> Fn:
        """Mark `fn`: the worker takes the lock before it runs it."""
        return mark(fn, Lock(self._session, _with_defaults_of(fn, self._name), self._ttl, self._limit))

    async def take(self, driver: Driver, arguments: dict[str, Any]) -> Pass:
        """Take a place for one run of a body."""
        return await _Hold.take(driver, name_for(self._name, arguments), self._ttl, self._limit)


class RateLimit:
    """At most `limit` uses in any `per` seconds, over all processes, exactly.

    `async with` it, or put it as a decorator directly above a function. Who is over it gets `RateLimitExceeded`; a job
    is tried again if it has a retry left.
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
        await self.take(session.driver, {})
        return self

    async def __aexit__(self, *exc: object) -> None:
        """A use stays used."""

    def __call__(self, fn: Fn, /) -> Fn:
        """Mark `fn`: the worker asks the limit before it runs it."""
        return mark(fn, RateLimit(self._session, _with_defaults_of(fn, self._name), self._limit, self._per))

    async def take(self, driver: Driver, arguments: dict[str, Any]) -> Pass:
        """Use the limit once."""
        name = name_for(self._name, arguments)
        wait = await driver.spend(name, self._limit, self._per)
        if wait > 0:
            raise RateLimitExceeded(
                f"over the rate limit {name!r}: {self._limit} in {self._per:g} s; the next use is in {wait:.3g} s",
                reason="rate-limited",
            )
        return _USED


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
    async def take(cls, driver: Driver, name: str, ttl: float, limit: int) -> _Hold:
        owner = uuid.uuid4().hex
        try:
            taken = await driver.acquire(name, owner, ttl, limit)
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
    """Note on a function that `guard` is to be passed before it runs, before those noted earlier."""
    setattr(fn, _MARK, (guard, *guards_of(fn)))
    return fn


def guards_of(fn: Callable[..., Any]) -> tuple[Guard, ...]:
    """Return the guards of a function, outermost first."""
    guards: tuple[Guard, ...] = getattr(fn, _MARK, ())
    return guards


def checked_name(name: object) -> str:
    """Return the name of a lock, a semaphore or a rate limit; `ValueError` for none."""
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ValueError(f"a name of 1 to 200 printable characters is needed, not {name!r}")
    return name


def name_for(name: Name, arguments: dict[str, Any]) -> str:
    """Return the name that holds for one run; a callable name is given the parameters that it asks for."""
    if not callable(name):
        return name
    wanted = inspect.signature(name).parameters
    return checked_name(name(**{key: value for key, value in arguments.items() if key in wanted}))


def _with_defaults_of(fn: Callable[..., Any], name: Name) -> Name:
    """Let a callable name see what `fn` takes for arguments that the caller leaves out."""
    if not callable(name):
        return name
    wanted = inspect.signature(name).parameters
    parameters = inspect.signature(fn).parameters.values()
    return partial(name, **{p.name: p.default for p in parameters if p.name in wanted and p.default is not p.empty})
