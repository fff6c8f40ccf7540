"""A store that a queue stands on, what is open there, and how that is closed: on the loop that it belongs to."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, wait
from typing import Final

from msgspec import Struct

from aioqueue.drivers.base import Driver
from aioqueue.loops import running_loop
from aioqueue.session import Session

logger: Final = logging.getLogger("aioqueue")

PATIENCE: Final = 5.0


class Standing(Struct, eq=False):
    """One store, used as `immediate` says: what `driver` reaches, or what `immediate_driver` gives instead.

    `session` is the one to use. Those set aside are for nothing new, but somebody may still wait on them.
    """

    driver: Driver
    immediate_driver: Callable[[], Driver]
    immediate: bool
    session: Session | None = None
    set_aside: list[Session] = []

    def store(self) -> Driver:
        """Return another, unopened driver on the store."""
        return (self.immediate_driver() if self.immediate else self.driver).clone()

    def renounce(self) -> None:
        """Set aside what is open: the next use opens a session of its own."""
        if self.session is not None:
            self.set_aside = [*alive(self.set_aside), *alive([self.session])]
        self.session = None

    async def close_here(self) -> None:
        """Close what is open on the running loop."""
        if self.session is not None and self.session.loop is running_loop():
            self.renounce()
        await close_here(self.set_aside)

    def leave(self) -> list[Session]:
        """Close what is open on loops that run in other threads, and return the rest, for `close_here` on its loop."""
        self.renounce()
        left, self.set_aside = self.set_aside, []
        elsewhere = [session for session in left if _runs_elsewhere(session)]
        _close_elsewhere(elsewhere)
        return [session for session in left if session not in elsewhere]


def alive(sessions: Sequence[Session]) -> list[Session]:
    """Return the sessions that there is something to close of, here."""
    for session in sessions:
        if not session.is_here:
            session.leave_to_parent()
    return [session for session in sessions if session.is_here and not (session.is_closed or session.loop.is_closed())]


async def close_here(sessions: list[Session]) -> None:
    """Close those of the sessions that belong to the running loop, and take them off the list."""
    here = running_loop()
    while own := [session for session in sessions if session.loop is here and session.is_here]:
        sessions.remove(own[-1])
        await own[-1].close()


def _runs_elsewhere(session: Session) -> bool:
    try:
        here = asyncio.get_running_loop()
    except RuntimeError:
        here = None
    return session.loop.is_running() and session.loop is not here


def _close_elsewhere(sessions: Iterable[Session]) -> None:
    """Close sessions, each on its loop; one that is held up closes its session when it goes on."""
    closings = [closing for session in sessions if (closing := _closing(session)) is not None]
    for closed in wait(closings, PATIENCE).done:
        if not closed.cancelled() and (error := closed.exception()) is not None:
            logger.warning("a store was not closed well: %s", error)


def _closing(session: Session) -> Future[None] | None:
    closing = session.close()
    try:
        return asyncio.run_coroutine_threadsafe(closing, session.loop)
    except RuntimeError:  # the loop was closed this very moment, and the session with it
        closing.close()
        return None
