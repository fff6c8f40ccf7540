"""Celery on Redis with the solo pool and results in Redis; no gossip, mingle or heartbeat."""

from __future__ import annotations

import os

import tally
from caller import SyncCaller
from celery import Celery
from command import become

app = Celery("celery_peer", broker=os.environ["BENCH_URL"], backend=os.environ["BENCH_URL"])
app.conf.update(worker_prefetch_multiplier=100, broker_connection_retry_on_startup=True)


@app.task(name="noop")
def noop(number: int) -> int:
    tally.count()
    return number


def call(number: int) -> object:
    return noop.delay(number).get(timeout=30)


def work() -> None:
    quiet = ("--loglevel", "ERROR", "--without-gossip", "--without-mingle", "--without-heartbeat")
    become("celery", "--app", "celery_peer", "worker", "--pool", "solo", *quiet)


caller = SyncCaller(enqueue=noop.delay, call=call)
