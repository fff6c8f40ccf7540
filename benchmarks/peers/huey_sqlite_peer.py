"""SqliteHuey with one worker thread; its consumer polls every 10 ms, its callers every millisecond."""

from __future__ import annotations

import os

import tally
from caller import SyncCaller
from command import become
from huey import SqliteHuey

RESULT_CHECK_SECONDS = 0.001
huey = SqliteHuey("bench", filename=os.environ["BENCH_URL"].removeprefix("sqlite:///"))


@huey.task()
def noop(number: int) -> int:
    tally.count()
    return number


def call(number: int) -> object:
    return noop(number).get(blocking=True, timeout=30, max_delay=RESULT_CHECK_SECONDS)


def work() -> None:
    polling = ("-d", "0.01", "-m", "0.01")
    become("huey.bin.huey_consumer", "huey_sqlite_peer.huey", "-w", "1", "-k", "thread", *polling, "-q")


caller = SyncCaller(enqueue=noop, call=call)
