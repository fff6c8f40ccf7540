"""Notes of jobs as they are read here: fetched and decoded once for all who ask at the same time."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import replace
from functools import cache, partial
from typing import Final, TypeAlias

import msgspec

from aioqueue.batching import Batcher
from aioqueue.drivers.base import Driver
from aioqueue.inbox import Event, decode_event
from aioqueue.logtext import one_line

logger: Final = logging.getLogger("aioqueue")

Note: TypeAlias = tuple[int, Event | None]  # its number, and what it tells: None for what cannot be read
_Question: TypeAlias = tuple[str, int]  # a job, and the number above which its notes are wanted
_Told: TypeAlias = dict[int, list[Note]]  # by that number


class Notes:
    """Asks the store for the notes of jobs. Belongs to one running loop.

    All who ask for one job in the same turn of the loop are answered by one fetch, above the lowest of their numbers.
    Whoever asks during a fetch is answered by the next one: what they ask for may have been told behind it.
    """

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self._asking: Batcher[_Question, _Told | BaseException] = Batcher(self._fetch)

    async def above(self, job_id: str, number: int) -> list[Note]:
        """Return the notes above a number, in order; all if the store has forgotten that one, and counts from 1 again.

        Raises what the driver raises.
        """
        told = await self._asking.submit((job_id, number))
        if isinstance(told, BaseException):
            raise told
        return told[number]

    async def close(self) -> None:
        """Wait until everybody has been answered."""
        await self._asking.close()

    async def _fetch(self, questions: Sequence[_Question]) -> list[_Told | BaseException]:
        asked: dict[str, set[int]] = {}
        for job_id, number in questions:
            asked.setdefault(job_id, set()).add(number)
        answers = await asyncio.gather(*(self._of(*each) for each in asked.items()), return_exceptions=True)
        told = dict(zip(asked, answers, strict=True))
        return [told[job_id] for job_id, _ in questions]

    async def _of(self, job_id: str, seen: set[int]) -> _Told:
        lowest = min(seen)
        kept = await self._driver.notes(job_id, lowest)
        if lowest > 0 and not kept:  # there is nothing new, or all is forgotten: then the last one seen is gone too
            kept = await self._driver.notes(job_id, lowest - 1)
        newest = kept[-1][0] if kept else 0
        if lowest > 0 and max(seen) > newest:
            kept = await self._driver.notes(job_id, 0)
        event_of = cache(partial(_event_of, job_id))
        return {
            last: [(number, event_of(number, data)) for number, data in kept if last > newest or number > last]
            for last in seen
        }


def _event_of(job_id: str, number: int, data: bytes) -> Event | None:
    try:
        return replace(decode_event(data), number=number)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        said = one_line(str(error))
        logger.warning("note %d of job %s cannot be read, and is passed over: %s", number, one_line(job_id), said)
        return None
