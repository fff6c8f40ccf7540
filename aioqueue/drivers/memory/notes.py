"""The notes of jobs, numbered. Used under the store's lock."""

from __future__ import annotations

from collections import deque

from aioqueue.drivers.base import NOTES_KEPT
from aioqueue.drivers.memory.fading import Fading


class Notes:
    """The newest notes of each job, for a time that each new note begins again."""

    def __init__(self) -> None:
        self._notes: Fading[str, deque[tuple[int, bytes]]] = Fading()

    def add(self, job_id: str, data: bytes, ttl: float, now: float) -> int:
        """Keep a note and return its number."""
        kept = self._notes.get(job_id, now) or deque(maxlen=NOTES_KEPT)
        number = kept[-1][0] + 1 if kept else 1
        kept.append((number, data))
        self._notes.put(job_id, kept, now + ttl, now)
        return number

    def after(self, job_id: str, number: int, now: float) -> list[tuple[int, bytes]]:
        """Return the notes with a higher number, in order."""
        return [note for note in self._notes.get(job_id, now) or () if note[0] > number]
