"""What the state machine draws: requests and outcomes that are given an id and a token later."""

from __future__ import annotations

from typing import TypeAlias

from hypothesis import strategies as st

from aioqueue.drivers.base import Again, Ended, Finished, NewJob, Outcome, Revocation
from aioqueue.states import TERMINAL, JobState

# The clock moves in steps. Every due time lies half a step off, so that the real seconds between do not count.
STEP = 100.0
MOST_STEPS = 4  # together shorter than any ttl in the store
IDS = [f"job-{number}" for number in range(16)]
SCHEDULE = "schedule"
FIRST_SLOT = 1_600_000_000.0
TARGETS = [f"{kind}:{name}{job_id}" for job_id in IDS for kind, name in (("job", ""), ("task", "task-of-"))]

Request: TypeAlias = tuple[str, bytes, int, float, list[str], str]  # id, payload, priority, delay, stages, unique key
Plan: TypeAlias = tuple[int, Outcome, list[Request], list[Ended]]  # which claim, its outcome, successors, ends

few = st.integers(1, 5)
pick = st.integers(0, 1_000)
delays = st.sampled_from([0.0, 0.0, 1 * STEP, 2 * STEP, 3 * STEP])
payloads = st.sampled_from([b"", b"one", b"two", bytes(range(256))])
ids = st.sampled_from(IDS)
stages = st.just([]) | st.lists(ids, max_size=3)
keys = st.sampled_from(["", "", "", "one key", "other key"])
requests = st.tuples(ids, payloads, st.integers(-8, 7), delays, stages, keys)
successors = st.lists(st.tuples(ids, payloads, st.integers(-8, 7), delays, stages, st.just("")), max_size=2)
ended = st.builds(Ended, ids, st.sampled_from(sorted(TERMINAL)), payloads, st.sampled_from([0.0, 10_000.0]))
ends = st.just([]) | st.lists(ended, max_size=3, unique_by=lambda each: each.id)
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
plans = st.lists(st.tuples(pick, endings | repeats, successors, ends), min_size=1, max_size=4)


def addressed(
    outcome: Outcome,
    claim: tuple[str, int],
    successors: tuple[NewJob, ...],
    ends: tuple[Ended, ...] = (),
    consumes: Revocation | None = None,
) -> Outcome:
    """Return an outcome as that of a claim; one that runs again ends nothing and uses nothing up."""
    if isinstance(outcome, Finished):
        return Finished(
            *claim,
            outcome.state,
            outcome.outcome,
            outcome.result_ttl,
            successors,
            outcome.dead_reason,
            ends,
            consumes=consumes,
        )
    return Again(*claim, outcome.payload, outcome.delay, counts=outcome.counts, successors=successors)
