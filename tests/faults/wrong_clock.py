"""A worker process whose wall clock is wrong, by as much as a file says at any time; its monotonic clock is right."""

from __future__ import annotations

import time
from pathlib import Path

import msgspec
from msgspec import Struct

from tests.faults import worker
from tests.faults.worker import Orders


class WrongClock(Struct, frozen=True):
    """A worker's orders, and the file with the seconds by which its clock is ahead."""

    orders: Orders
    ahead: str


def main(orders: str) -> None:
    """Work as ordered, by a wrong clock."""
    told = msgspec.json.decode(orders, type=WrongClock)
    right, ahead = time.time, Path(told.ahead)
    time.time = lambda: right() + float(ahead.read_text())
    worker.main(msgspec.json.encode(told.orders).decode())
