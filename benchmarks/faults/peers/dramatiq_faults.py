"""dramatiq: the messages of a process without a heartbeat go to others; looked after with every command."""

from __future__ import annotations

import os

import bodies
import dramatiq
from command import become
from dramatiq.brokers.redis import RedisBroker

ALWAYS = 1_000_000
broker = RedisBroker(
    url=os.environ["FAULTS_URL"], heartbeat_timeout=int(bodies.TIMEOUT * 1_000), maintenance_chance=ALWAYS
)
dramatiq.set_broker(broker)


@dramatiq.actor
def job(number: int, seconds: float, what: str) -> None:
    bodies.nap_in_thread(number, seconds, what)


def enqueue(number: int, seconds: float, what: str) -> None:
    job.send(number, seconds, what)


def work() -> None:
    become("dramatiq", "dramatiq_faults", "--processes", "1", "--threads", "4")
