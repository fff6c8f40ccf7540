"""Huey with worker processes, which its consumer's health check replaces when they die; it has no redelivery."""

from __future__ import annotations

import os

import bodies
from command import become
from huey import RedisHuey

huey = RedisHuey("faults", url=os.environ["FAULTS_URL"])


@huey.task()
def job(number: int, seconds: float, what: str) -> None:
    bodies.nap_in_thread(number, seconds, what)


def enqueue(number: int, seconds: float, what: str) -> None:
    job(number, seconds, what)


def work() -> None:
    become("huey.bin.huey_consumer", "huey_faults.huey", "-w", "4", "-k", "process", "-c", "1")
