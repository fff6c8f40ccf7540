"""dramatiq on Redis with 32 threads, where its default is eight, and results in Redis."""

from __future__ import annotations

import os

import dramatiq
import tally
from caller import SyncCaller
from command import become
from dramatiq.brokers.redis import RedisBroker
from dramatiq.results import Results
from dramatiq.results.backends import RedisBackend

url = os.environ["BENCH_URL"]
broker = RedisBroker(url=url)
broker.add_middleware(Results(backend=RedisBackend(url=url)))
dramatiq.set_broker(broker)


@dramatiq.actor(store_results=True)
def noop(number: int) -> int:
    tally.count()
    return number


def call(number: int) -> object:
    return noop.send(number).get_result(block=True, timeout=30_000)


def work() -> None:
    become("dramatiq", "dramatiq_peer", "--processes", "1", "--threads", "32")


caller = SyncCaller(enqueue=noop.send, call=call)
