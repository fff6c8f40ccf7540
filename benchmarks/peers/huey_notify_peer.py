"""RedisHuey with one worker thread and `notify_result`, which lets a caller block on the result instead of polling."""

from __future__ import annotations

import os

import tally
from caller import SyncCaller
from command import become
from huey import RedisHuey

huey = RedisHuey("bench", url=os.environ["BENCH_URL"], notify_result=True)


@huey.task()
def noop(number: int) -> int:
    tally.count()
    return number


def call(number: int) -> object:
    return noop(number).get(blocking=True, timeout=30)


def work() -> None:
    become("huey.bin.huey_consumer", "huey_notify_peer.huey", "-w", "1", "-k", "thread", "-q")


caller = SyncCaller(enqueue=noop, call=call)
