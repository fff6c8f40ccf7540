"""The judge of a simulation: what the receipts, the ledger and what is left prove about it."""

from __future__ import annotations

import itertools
import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from math import inf
from typing import Final

from aioqueue.drivers.memory.store import QueueState
from tests.faults.audit import audit
from tests.faults.receipts import Dropped, Learned
from tests.simulation.application import BEAT, POISON_DELIVERIES, fail, falter, overrun
from tests.simulation.history import History
from tests.simulation.workload import Canvas

MAX_DELIVERIES: Final = 5
EXPECTED_ERRORS: Final = (
    "stopped without an answer of the store",
    "job %s of %s raised",
    "job %s of %s ran longer",
    "job %s is not run",  # lost, which its outcome tells too
)
FEWEST_DELIVERIES: Final = {"poison": POISON_DELIVERIES, "once": 1}


def judge(
    history: History, canvases: Sequence[Canvas], state: QueueState | None, logged: Sequence[logging.LogRecord]
) -> list[str]:
    """Return everything that is wrong, nothing if all is well; `state` is what is left, None if there is no end."""
    wrongs = [*history.complaints, *history.ledger.wrongs]
    if state is None:
        return wrongs
    return [
        *wrongs,
        *_wrong_in_receipts(history),
        *_too_many_executions(history),
        *_impossible_outcomes(history, canvases),
        *_wrong_inputs(history, canvases),
        *_missing_slots(history),
        *_remains(state),
        *_unexpected_errors(logged),
    ]


def _wrong_in_receipts(history: History) -> Iterator[str]:
    report = audit(history.receipts)
    yield from (f"{job_id} is lost" for job_id in report.lost)
    yield from report.contradictions
    yield from (f"the process {pid} died" for pid in report.deaths)


def _too_many_executions(history: History) -> Iterator[str]:
    """Each execution beyond the first is a retry, or was cut short by its worker's end or by a reap."""
    ledger = history.ledger
    dropped = Counter(receipt.id for receipt in history.receipts if isinstance(receipt, Dropped))
    for job_id, times in history.started.items():
        excused = 1 + ledger.retried[job_id] + ledger.reaped[job_id] + min(dropped[job_id], ledger.returned[job_id])
        if times > min(excused, len(ledger.tokens[job_id])):
            yield f"{job_id} was started {times} times, {excused} are excused by {len(ledger.tokens[job_id])} claims"


def _impossible_outcomes(history: History, canvases: Sequence[Canvas]) -> Iterator[str]:
    """An outcome that is no value needs a reason, in the job itself or in one of its canvas."""
    together = {job_id: canvas.ids for canvas in canvases for job_id in canvas.ids}
    for job_id, outcome in _outcomes(history).items():
        kin = together.get(job_id, (job_id,))
        if outcome[:1].isdigit() or any(_may_end_so(history, each, outcome) for each in kin):
            continue
        yield f"{job_id} ended as {outcome}, for which there is no reason"


def _may_end_so(history: History, job_id: str, outcome: str) -> bool:
    ledger, task = history.ledger, history.ledger.tasks.get(job_id, "")
    match outcome:
        case "TaskLost":
            return ledger.reaped[job_id] >= FEWEST_DELIVERIES.get(task, MAX_DELIVERIES)
        case "TaskCancelled":
            return job_id in ledger.stopped or not ledger.marked.isdisjoint((f"job:{job_id}", f"task:{task}"))
        case "TaskExpired":
            return ledger.expires_at.get(job_id, 0) > 0
        case "TaskTimeout":
            return task in ("overrun", "parent") and ledger.retried[job_id] >= (task == "overrun")
        case "TaskException":
            retries = {"fail": fail, "falter": falter, "overrun": overrun}
            return task == "parent" or (task in retries and ledger.retried[job_id] == retries[task].declaration.retries)
    return False


def _wrong_inputs(history: History, canvases: Sequence[Canvas]) -> Iterator[str]:
    """Whoever is given the values of other jobs is given all of them, in order, as everybody learns them."""
    outcomes = _outcomes(history)
    for canvas in canvases:
        for job_id, givers in canvas.hands.items():
            expected = [outcomes.get(giver) for giver in givers]
            for given in history.handed.get(job_id, []):
                if list(given) != expected:
                    yield f"{job_id} was given {list(given)}, and those before it ended as {expected}"


def _missing_slots(history: History) -> Iterator[str]:
    """From the second slot that was fired on, every slot is: before the first, whoever comes begins anew."""
    for schedule, slots in history.ledger.slots.items():
        steps = [later - earlier for earlier, later in itertools.pairwise(slots[1:])]
        yield from (f"{schedule} fired no slot for {step} s" for step in steps if step != BEAT)


def _remains(state: QueueState) -> Iterator[str]:
    """When all has ended nothing is left that no time removes."""
    shelves, now = state.shelves, state.now()
    places = {
        "jobs": shelves.jobs,
        "unique keys": shelves.keys,
        "waiting": shelves.waiting,
        "claims": shelves.claims,
        "chords": state.chords,
        "leases": state.leases,
        "locks": [name for name in state.locks._places if state.locks.holders(name, now)],
        "waiters": [job_id for job_id in state.watchers._ears if state.watchers._ears.get(job_id, now)],
        "marks": [target for target in state.revocations._marks if state.revocations._marks.until(target, now) == inf],
    }
    yield from (f"{name} are left in the store: {sorted(left)}" for name, left in places.items() if left)
    yield from ("jobs are left in a line" for line in (shelves.ready, shelves.suspects, shelves.schedule) if len(line))


def _unexpected_errors(logged: Sequence[logging.LogRecord]) -> Iterator[str]:
    for record in logged:
        is_error = record.levelno >= logging.ERROR and not str(record.msg).startswith(EXPECTED_ERRORS)
        if is_error or record.exc_info is not None:
            yield f"logged: {record.getMessage()} {record.exc_info and record.exc_info[1]!r}"


def _outcomes(history: History) -> dict[str, str]:
    return {receipt.id: receipt.outcome for receipt in history.receipts if isinstance(receipt, Learned)}
