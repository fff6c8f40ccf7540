"""The one thread of an open driver: it owns the connection and runs what is handed over, in groups."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import time
from contextlib import closing, suppress
from functools import partial
from pathlib import Path
from threading import Thread
from typing import Final

from aioqueue.drivers.sqlite.bell import Ringer, remove_dead
from aioqueue.drivers.sqlite.entering import close, enter, is_in_place, leave
from aioqueue.drivers.sqlite.faults import as_unavailable
from aioqueue.drivers.sqlite.group import Ending, Round, Store, run, transact
from aioqueue.drivers.sqlite.handover import HandOver
from aioqueue.drivers.sqlite.purge import purge
from aioqueue.drivers.sqlite.ringing import Ring, hear_jobs, roll_call, take_bell_down
from aioqueue.errors import StoreUnavailable

PURGE_EVERY: Final = 5.0
LONGEST_FAREWELL: Final = 60.0

logger: Final = logging.getLogger("aioqueue")


class Writer:
    """A daemon thread, so that a driver which nobody closed does not keep the interpreter from exiting."""

    def __init__(self, path: Path, queue: str, address: str, hand_over: HandOver) -> None:
        self._path = path
        self._queue = queue
        self._address = address
        self._hand_over = hand_over
        self._opened: asyncio.Future[Exception | None] = hand_over.loop.create_future()
        self._ended: asyncio.Future[None] = hand_over.loop.create_future()
        self._purge_at = time.monotonic() + PURGE_EVERY
        self._store: Store | None = None
        self._thread = Thread(target=self._live, name=f"aioqueue-sqlite-{queue}", daemon=True)

    async def start(self) -> None:
        """Start the thread and return when the file is open, or raise why it cannot be."""
        self._thread.start()
        error = await asyncio.shield(self._opened)
        if error:
            raise error

    async def join(self) -> None:
        """Return when the thread has ended; the hand-over must be closed."""
        done, _ = await asyncio.wait({self._ended}, timeout=LONGEST_FAREWELL)
        if done:
            self._thread.join()  # what it had left to do was to return
        else:
            logger.warning("the SQLite file %s stays locked by another process: its thread is left behind", self._path)

    # ------------------------------------------------------------------ on the thread
    def _live(self) -> None:
        try:
            with closing(Ringer()) as ringer:
                if self._open(ringer):
                    self._serve(ringer)
        except Exception as error:
            logger.exception("the thread of the SQLite file %s has ended", self._path)
            self._hand_over.collapse(StoreUnavailable(f"the SQLite file {self._path}: its thread has ended: {error!r}"))
        finally:
            try:
                if self._store:
                    leave(self._store)
            finally:
                self._hand_over.tell(self._ended.set_result, None)

    def _open(self, ringer: Ringer) -> bool:
        try:
            self._store = enter(self._path, self._queue, self._address)
            self._ring(self._store, ringer, transact(self._store, roll_call))
        except Exception as error:  # noqa: BLE001 -- whatever it is, its place is at the one who opens
            self._hand_over.tell(self._opened.set_result, as_unavailable(error, self._path))
            return False
        self._hand_over.tell(self._opened.set_result, None)
        return True

    def _serve(self, ringer: Ringer) -> None:
        while group := self._hand_over.take():
            try:
                store = self._store_in_place()
            except Exception as error:  # noqa: BLE001 -- whatever it is, its place is at the callers
                unavailable = StoreUnavailable(f"the SQLite file {self._path} is not in its place any more: {error}")
                self._hand_over.deliver(Round([Ending(entry, error=unavailable) for entry in group]))
                continue
            result = run(store, group)
            self._hand_over.deliver(result)
            self._ring(store, ringer, result.rings)
            self._purge(store)

    def _store_in_place(self) -> Store:
        """Return the store; a file that was removed, or that another took the place of, is left for what is there."""
        if self._store and is_in_place(self._store):
            return self._store
        if self._store:
            lost, self._store = self._store, None
            close(lost)  # first: what it has open beside the file would be used for the new one
        self._store = self._enter_anew()
        logger.error("the SQLite file %s was removed or replaced: what was in it is gone", self._path)
        self._hand_over.tell_of_gap()
        return self._store

    def _enter_anew(self) -> Store:
        store = enter(self._path, self._queue, self._address)
        try:
            transact(store, hear_jobs)
        except BaseException:
            close(store)
            raise
        return store

    def _ring(self, store: Store, ringer: Ringer, rings: list[Ring]) -> None:
        for ring in rings:
            if not ringer.ring(ring.address, ring.kind):
                remove_dead(ring.address)
                with suppress(sqlite3.Error, OSError):  # it is found dead again
                    transact(store, partial(take_bell_down, number=ring.bell))

    def _purge(self, store: Store) -> None:
        with suppress(sqlite3.Error, OSError):  # there is a next time
            self._purge_if_due(store)

    def _purge_if_due(self, store: Store) -> None:
        if time.monotonic() > self._purge_at:
            is_more = transact(store, purge)
            self._purge_at = time.monotonic() + (0 if is_more else PURGE_EVERY)
