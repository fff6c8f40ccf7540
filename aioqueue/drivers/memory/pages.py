"""The jobs of a shelf page by page, stable while jobs come and go."""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Callable, Sequence
from typing import TypeVar

from aioqueue.drivers.base import Page, StoredJob
from aioqueue.drivers.memory.record import Record, stored

T = TypeVar("T")
Rank = tuple[float, ...]


def cut(ordered: Sequence[T], rank: Callable[[T], Rank], cursor: str, limit: int) -> tuple[Sequence[T], str]:
    """Return what stands behind `cursor`, and the cursor behind that; a cursor names a rank, not an offset."""
    start = bisect_right(ordered, tuple(json.loads(cursor)), key=rank) if cursor else 0
    lot = ordered[start : start + limit]
    rest = start + len(lot) < len(ordered)
    return lot, json.dumps(rank(lot[-1])) if lot and rest else ""


def page(ordered: Sequence[Record], rank: Callable[[Record], Rank], cursor: str, limit: int) -> Page:
    """Return one page of live jobs."""
    lot, onward = cut(ordered, rank, cursor, limit)
    return Page([stored(record) for record in lot], onward)


def dead_page(numbered: Sequence[tuple[int, StoredJob]], cursor: str, limit: int) -> Page:
    """Return one page of dead letters, newest first, each with the number of its death."""
    lot, onward = cut(numbered, lambda pair: (-pair[0],), cursor, limit)
    return Page([letter for _, letter in lot], onward)


def in_line(record: Record) -> Rank:
    """Where a queued job stands."""
    return (record.deliveries == 0, -record.priority, record.place)


def by_due_time(record: Record) -> Rank:
    """Where a scheduled job stands."""
    return (record.due_at, record.place)


def by_token(record: Record) -> Rank:
    """Where a running job stands."""
    return (record.token,)
