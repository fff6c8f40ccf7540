"""Celery with `acks_late`, `reject_on_worker_lost` and no prefetch, in processes."""

from __future__ import annotations

import os

import bodies
from celery import Celery
from command import become

app = Celery("celery_faults", broker=os.environ["FAULTS_URL"], backend=os.environ["FAULTS_URL"])
app.conf.update(
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    worker_prefetch_multiplier=1,
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,
    broker_transport_options={
        "visibility_timeout": bodies.TIMEOUT,
        "unacked_restore_interval": 1,
        "unacked_restore_throttle": 1,
    },
)


@app.task(name="job")
def job(number: int, seconds: float, what: str) -> None:
    bodies.nap_in_thread(number, seconds, what)


def enqueue(number: int, seconds: float, what: str) -> None:
    job.delay(number, seconds, what)


def work() -> None:
    become(
        "celery", "--app", "celery_faults", "worker", "--pool", "prefork", "--concurrency", "4", "--loglevel", "INFO"
    )
