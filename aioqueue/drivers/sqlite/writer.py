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
from aioqueue.drivers.sqlite.faults import as_unavailable, patiently
from aioqueue.drivers.sqlite.gate import Gate
from aioqueue.drivers.sqlite.group import Store, run, transact
from aioqueue.drivers.sqlite.handover import HandOver
from aioqueue.drivers.sqlite.layout import connect
from aioqueue.drivers.sqlite.purge import purge
from aioqueue.drivers.sqlite.ringing import Ring, roll_call, take_bell_down
from aioqueue.drivers.sqlite.statements import STATEMENTS

PURGE_EVERY: Final = 5.0
LONGEST_FAREWELL: Final = 60.0

logger = logging.getLogger("aioqueue")


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
            with (
                closing(connect(self._path)) as connection,
                closing(Ringer()) as ringer,
                closing(Gate(self._path)) as gate,
            ):
                store = self._enter(connection, gate)
                self._ring(store, ringer, transact(store, roll_call))
                self._hand_over.tell(self._opened.set_result, None)
                self._serve(store, ringer)
                with suppress(sqlite3.Error):  # others find the bell dead and take it down
                    transact(store, partial(take_bell_down, number=store.bell))
        except Exception as error:  # noqa: BLE001 -- whatever it is, its place is at the one who opens
            self._hand_over.tell(self._opened.set_result, as_unavailable(error, self._path))
        finally:
            self._hand_over.tell(self._ended.set_result, None)

    def _enter(self, connection: sqlite3.Connection, gate: Gate) -> Store:
        def attempt() -> Store:
            with connection:
                connection.execute("BEGIN IMMEDIATE")
                queue = connection.execute(STATEMENTS["find_queue"], {"name": self._queue}).fetchall()[0][0]
                values = {"queue": queue, "address": self._address}
                bell = connection.execute(STATEMENTS["hang_bell"], values).fetchall()[0][0]
                return Store(connection, self._path, queue, bell, gate)

        return patiently(attempt)

    def _serve(self, store: Store, ringer: Ringer) -> None:
        while group := self._hand_over.take():
            result = run(store, group)
            self._hand_over.deliver(result)
            self._ring(store, ringer, result.rings)
            self._purge(store)

    def _ring(self, store: Store, ringer: Ringer, rings: list[Ring]) -> None:
        for ring in rings:
            if not ringer.ring(ring.address, ring.kind):
                remove_dead(ring.address, self._path)
                with suppress(sqlite3.Error):  # it is found dead again
                    transact(store, partial(take_bell_down, number=ring.bell))

    def _purge(self, store: Store) -> None:
        with suppress(sqlite3.Error):  # there is a next time
            self._purge_if_due(store)

    def _purge_if_due(self, store: Store) -> None:
        if time.monotonic() > self._purge_at:
            is_more = transact(store, purge)
            self._purge_at = time.monotonic() + (0 if is_more else PURGE_EVERY)
