"""Ending claims: each with its outcome, its successors and its news in one step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from aioqueue.drivers.base import DEAD_LETTERS_KEPT, DONE_MARKER_TTL, Again, Finished, Outcome, Verdict
from aioqueue.drivers.sqlite import stages
from aioqueue.drivers.sqlite.cancelling import read_request
from aioqueue.drivers.sqlite.chords import keep_value
from aioqueue.drivers.sqlite.ending import end_jobs, end_waiting, let_go
from aioqueue.drivers.sqlite.enqueueing import enqueue
from aioqueue.drivers.sqlite.revoking import consume
from aioqueue.drivers.sqlite.schedule import announce, due_time
from aioqueue.drivers.sqlite.transaction import Transaction, json_list

Position: TypeAlias = int
Held: TypeAlias = tuple[Position, Outcome]
Standing: TypeAlias = tuple[Position, bytes]


def settle(transaction: Transaction, incarnation: str, outcomes: Sequence[Outcome]) -> list[Verdict]:
    """End each claim that is still this incarnation's; the others change nothing."""
    held = _held(transaction, incarnation, outcomes)
    settled: dict[int, Held] = {}
    verdicts: list[Verdict] = []
    for outcome in outcomes:
        claim = held.get((outcome.token, outcome.id))
        if claim is not None and _is_unmarked(transaction, outcome):
            verdicts.append("unmarked")
        elif claim is not None:
            settled[outcome.token] = _wanted(claim, outcome)
            del held[outcome.token, outcome.id]
            verdicts.append("settled")
        elif outcome.token in settled or _was_settled(transaction, outcome):
            verdicts.append("already")
        else:
            verdicts.append("lost")
    _write(transaction, list(settled.values()))
    return verdicts


def _held(transaction: Transaction, incarnation: str, outcomes: Sequence[Outcome]) -> dict[tuple[int, str], Standing]:
    tokens = json_list([outcome.token for outcome in outcomes])
    rows = transaction.rows("held_claims", incarnation=incarnation, tokens=tokens)
    return {(token, job_id): (position, unwanted) for token, job_id, position, unwanted in rows}


def _is_unmarked(transaction: Transaction, outcome: Outcome) -> bool:
    """Tell whether an outcome lacks the mark that it consumes, which is used up otherwise."""
    mark = outcome.consumes if isinstance(outcome, Finished) else None
    return mark is not None and not consume(transaction, mark)


def _wanted(standing: Standing, outcome: Outcome) -> Held:
    """Return what is to be written: a job that someone asked to cancel does not run again."""
    position, unwanted = standing
    if unwanted and isinstance(outcome, Again):
        return position, read_request(unwanted).instead_of(outcome)
    return position, outcome


def _was_settled(transaction: Transaction, outcome: Outcome) -> bool:
    return transaction.row("was_settled", id=outcome.id, token=outcome.token) is not None


def _write(transaction: Transaction, settled: Sequence[Held]) -> None:
    """Write a batch at once; one by one if it ends waiting jobs, which others of the batch may just have queued."""
    if any(isinstance(outcome, Finished) and outcome.ends for _, outcome in settled):
        for one in settled:
            _write_together(transaction, [one])
    else:
        _write_together(transaction, settled)


def _write_together(transaction: Transaction, settled: Sequence[Held]) -> None:
    finished = [(position, outcome) for position, outcome in settled if isinstance(outcome, Finished)]
    gone: list[str] = []
    if finished:
        _bury(transaction, finished)
        gone = _finish(transaction, [position for position, _ in finished], [outcome for _, outcome in finished])
    for position, outcome in settled:
        if isinstance(outcome, Again):
            _run_again(transaction, position, outcome)
    successors = [successor for _, outcome in settled for successor in outcome.successors]
    if successors:
        stages.vacate(transaction, [successor.id for successor in successors])
        enqueue(transaction, successors)
    if gone:
        let_go(transaction, gone)


def _bury(transaction: Transaction, finished: Sequence[tuple[Position, Finished]]) -> None:
    """Keep the payloads of those that became dead letters."""
    rows = [(outcome.dead_reason, transaction.now, position) for position, outcome in finished if outcome.dead_reason]
    if rows:
        transaction.many("bury", rows)
        transaction.execute("keep_newest_dead", kept=DEAD_LETTERS_KEPT)


def _finish(transaction: Transaction, positions: Sequence[Position], finished: Sequence[Finished]) -> list[str]:
    """End the jobs, and what their ends mean to others; return the ids of all that ended."""
    gone = [job_id for outcome in finished for job_id in end_waiting(transaction, outcome.ends)]
    gone += end_jobs(transaction, positions, finished)
    for outcome in finished:
        if outcome.member:
            keep_value(transaction, outcome.member, outcome.outcome)
    return gone


def _run_again(transaction: Transaction, position: Position, outcome: Again) -> None:
    due_at = due_time(transaction, outcome.eta, outcome.delay)
    announce(transaction, [due_at])
    transaction.execute(
        "run_again",
        position=position,
        state="scheduled" if due_at else "queued",
        due_at=due_at,
        payload=outcome.payload,
        deliveries=int(outcome.counts == "delivery"),
        deferrals=int(outcome.counts == "deferral"),
    )
    transaction.execute("record_receipt", token=outcome.token, expires_at=transaction.now + DONE_MARKER_TTL)
