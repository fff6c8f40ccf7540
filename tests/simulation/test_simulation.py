"""Seeded simulations of workers and clients in virtual time, with faults at every call of the store.

`AIOQUEUE_SIMULATION_SEEDS=10000` runs that many seeds, from 1 on; `AIOQUEUE_SIMULATION_SEED=…` one, and prints its
trace whatever comes of it.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.simulation.faults import WEIGHTS
from tests.simulation.simulation import Verdict, simulate

SEEDS = int(os.environ.get("AIOQUEUE_SIMULATION_SEEDS", "500"))
PARTS = 20
ONE_SEED = os.environ.get("AIOQUEUE_SIMULATION_SEED")

TRACED = """
import hashlib
from tests.simulation.simulation import simulate
for seed in (3, 35, 178, 431):
    print(seed, hashlib.sha256(simulate(seed).trace.encode()).hexdigest())
"""


@pytest.mark.skipif(ONE_SEED is not None, reason="one seed is asked for")
@pytest.mark.parametrize("part", range(PARTS))
def test_nothing_is_lost_and_nothing_settled_twice(part: int) -> None:
    for seed in range(1 + part, SEEDS + 1, PARTS):
        expect_nothing_wrong(simulate(seed))


@pytest.mark.skipif(ONE_SEED is None, reason="AIOQUEUE_SIMULATION_SEED names no seed")
def test_one_seed() -> None:
    verdict = simulate(int(ONE_SEED or 0))
    print(verdict.trace)
    expect_nothing_wrong(verdict)


def expect_nothing_wrong(verdict: Verdict) -> None:
    if verdict.wrongs:
        print(verdict.trace)
        wrongs = "\n".join(verdict.wrongs)
        pytest.fail(f"AIOQUEUE_SIMULATION_SEED={verdict.seed}, after {verdict.seconds:.0f} virtual seconds:\n{wrongs}")


def test_a_seed_gives_the_same_trace_again() -> None:
    traces = {simulate(seed).trace for seed in (7, 7, 8)}
    assert len(traces) == 2


def test_a_seed_gives_the_same_trace_in_every_process() -> None:
    """Byte for byte, wherever things lie in memory and however strings are hashed."""
    root = Path(__file__).parents[2]
    search_path = os.pathsep.join([*filter(None, [os.environ.get("PYTHONPATH")]), str(root)])
    traced = [
        subprocess.run(
            [sys.executable, "-P", "-c", TRACED],
            env={**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": search_path},
            capture_output=True,
            text=True,
            check=True,
            timeout=120,
        ).stdout
        for hash_seed in ("1", "2")
    ]
    assert traced[0].count("\n") == 4
    assert traced[0] == traced[1]


def test_faults_of_every_kind_are_drawn() -> None:
    """A simulation in which little happens proves little."""
    verdicts = [simulate(seed) for seed in range(1, 26)]
    traces = "\n".join(verdict.trace for verdict in verdicts)
    assert [kind for kind in WEIGHTS if f": {kind}\n" not in traces] == []
    assert sum(verdict.kills for verdict in verdicts) > 25
    assert sum(verdict.jobs for verdict in verdicts) > 500
    assert sum(verdict.starts for verdict in verdicts) > 500
