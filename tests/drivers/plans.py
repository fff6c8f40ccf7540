"""What the state machine draws: requests and outcomes that are given an id and a token later."""

from __future__ import annotations

from typing import TypeAlias

from hypothesis import strategies as st

from aioqueue.drivers.base import Again, Finished, NewJob, Outcome
from aioqueue.states import TERMINAL, JobState

# The clock moves in steps. Every due time lies half a step off, so that the real seconds between do not count.
STEP = 100.0
MOST_STEPS = 4  # together shorter than any ttl in the store
IDS = [f"job-{number}" for number in range(16)]

Request: TypeAlias = tuple[str, bytes, int, float]  # id, payload, priority, delay
Plan: TypeAlias = tuple[int, Outcome, list[Request]]  # which claim, its outcome, the successors

few = st.integers(1, 5)
pick = st.integers(0, 1_000)
delays = st.sampled_from([0.0, 0.0, 1 * STEP, 2 * STEP, 3 * STEP])
payloads = st.sampled_from([b"", b"one", b"two", bytes(range(256))])
requests = st.tuples(st.sampled_from(IDS), payloads, st.integers(-8, 7), delays)
successors = st.lists(requests, max_size=2)
endings = st.builds(
    lambda ending, outcome, result_ttl: Finished("", 0, ending[0], outcome, result_ttl, (), ending[1]),
    st.sampled_from([(JobState.FAILED, "reason"), *((state, "") for state in sorted(TERMINAL))]),
    payloads,
    st.sampled_from([0.0, 10_000.0]),
)
repeats = st.builds(
    lambda payload, delay, counts: Again("", 0, payload, delay, counts=counts),
    st.none() | payloads,
    delays,
    st.sampled_from(["nothing", "delivery", "deferral"]),
)
plans = st.lists(st.tuples(pick, endings | repeats, successors), min_size=1, max_size=4)


def addressed(outcome: Outcome, claim: tuple[str, int], successors: tuple[NewJob, ...]) -> Outcome:
    """Return an outcome as that of a claim."""
    if isinstance(outcome, Finished):
        return Finished(
            *claim, outcome.state, outcome.outcome, outcome.result_ttl, successors, dead_reason=outcome.dead_reason
        )
    return Again(*claim, outcome.payload, outcome.delay, counts=outcome.counts, successors=successors)
