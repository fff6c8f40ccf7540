"""Random histories of every operation, with repeats, late requests and crashes, on every driver.

`AIOQUEUE_MACHINE_EXAMPLES=1000` runs that many histories a driver, `AIOQUEUE_MACHINE_SEED=…` those of one seed, which
a failing run prints.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from aioqueue.drivers.base import Driver
from tests.drivers.machine import Histories

HISTORIES = 200
STEPS = 50

# Shrinking a history takes minutes: it is done on demand, with the seed that a failing run has printed.
PHASES = tuple(Phase) if "AIOQUEUE_MACHINE_SEED" in os.environ else (Phase.explicit, Phase.generate)


def test_random_histories(make_driver: Callable[[str], Driver]) -> None:
    number = int(os.environ.get("AIOQUEUE_MACHINE_SEED", random.randrange(2**32)))
    print(f"AIOQUEUE_MACHINE_SEED={number}")
    machine = seed(number)(type("Histories", (Histories,), {"make": staticmethod(make_driver)}))
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=int(os.environ.get("AIOQUEUE_MACHINE_EXAMPLES", HISTORIES)),
            stateful_step_count=STEPS,
            deadline=None,
            derandomize=False,
            phases=PHASES,
            database=None,
            print_blob=True,
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )
