"""RedisHuey with one worker thread, or as many as asked for; callers look for results every ms, not every 50."""

from __future__ import annotations

import os

import tally
from caller import SyncCaller
from command import become
from huey import RedisHuey

RESULT_CHECK_SECONDS = 0.001
huey = RedisHuey("bench", url=os.environ["BENCH_URL"])


@huey.task()
def noop(number: int) -> int:
    tally.count()
    return number


def call(number: int) -> object:
    return noop(number).get(blocking=True, timeout=30, max_delay=RESULT_CHECK_SECONDS)


def work() -> None:
    become(
        "huey.bin.huey_consumer",
        "huey_redis_peer.huey",
        "-w",
        os.environ.get("BENCH_THREADS", "1"),
        "-k",
        "thread",
        "-q",
    )


caller = SyncCaller(enqueue=noop, call=call)
