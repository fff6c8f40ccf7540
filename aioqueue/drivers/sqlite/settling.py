"""Ending claims: each with its outcome, its successors and its news in one step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from aioqueue.drivers.base import DEAD_LETTERS_KEPT, DONE_MARKER_TTL, Again, Finished, Outcome, Settled, Verdict
from aioqueue.drivers.sqlite.enqueueing import enqueue
from aioqueue.drivers.sqlite.schedule import announce, due_time
from aioqueue.drivers.sqlite.transaction import Transaction, json_list

Position: TypeAlias = int


def settle(transaction: Transaction, incarnation: str, outcomes: Sequence[Outcome]) -> list[Verdict]:
    """End each claim that is still this incarnation's; the others change nothing."""
    held = _held(transaction, incarnation, outcomes)
    settled: dict[int, tuple[Position, Outcome]] = {}
    verdicts: list[Verdict] = []
    for outcome in outcomes:
        position = held.pop((outcome.token, outcome.id), None)
        if position is not None:
            settled[outcome.token] = position, outcome
            verdicts.append("settled")
        elif outcome.token in settled or _was_settled(transaction, outcome):
            verdicts.append("already")
        else:
            verdicts.append("lost")
    _write(transaction, list(settled.values()))
    return verdicts


def _held(transaction: Transaction, incarnation: str, outcomes: Sequence[Outcome]) -> dict[tuple[int, str], Position]:
    tokens = json_list([outcome.token for outcome in outcomes])
    rows = transaction.rows("held_claims", incarnation=incarnation, tokens=tokens)
    return {(token, job_id): position for token, job_id, position in rows}


def _was_settled(transaction: Transaction, outcome: Outcome) -> bool:
    return transaction.row("was_settled", id=outcome.id, token=outcome.token) is not None


def _write(transaction: Transaction, settled: Sequence[tuple[Position, Outcome]]) -> None:
    finished = [(position, outcome) for position, outcome in settled if isinstance(outcome, Finished)]
    if finished:
        _bury(transaction, finished)
        _finish(transaction, finished)
        _tell(transaction, [outcome for _, outcome in finished])
    for position, outcome in settled:
        if isinstance(outcome, Again):
            _run_again(transaction, position, outcome)
    successors = [successor for _, outcome in settled for successor in outcome.successors]
    if successors:
        enqueue(transaction, successors)


def _bury(transaction: Transaction, finished: Sequence[tuple[Position, Finished]]) -> None:
    """Keep the payloads of those that became dead letters."""
    rows = [(outcome.dead_reason, transaction.now, position) for position, outcome in finished if outcome.dead_reason]
    if rows:
        transaction.many("bury", rows)
        transaction.execute("keep_newest_dead", kept=DEAD_LETTERS_KEPT)


def _finish(transaction: Transaction, finished: Sequence[tuple[Position, Finished]]) -> None:
    transaction.many("end_job", [(position,) for position, _ in finished])
    transaction.many("record_settled", [_settled_row(transaction, outcome) for _, outcome in finished])


def _settled_row(transaction: Transaction, outcome: Finished) -> tuple[int, str, str, int, float, float, bytes]:
    outcome_until = transaction.now + outcome.result_ttl
    expires_at = max(outcome_until, transaction.now + DONE_MARKER_TTL)
    kept = outcome.outcome if outcome.result_ttl > 0 else b""
    return transaction.queue, outcome.id, outcome.state.value, outcome.token, outcome_until, expires_at, kept


def _tell(transaction: Transaction, finished: Sequence[Finished]) -> None:
    """Note who waits for these jobs: this driver's listener is told at once, others fetch what they are rung for."""
    ids = json_list([outcome.id for outcome in finished])
    transaction.news.told.update(row[0] for row in transaction.rows("tell_waiters", ids=ids))
    own = {row[0] for row in transaction.rows("take_own_waiters", ids=ids)}
    transaction.news.heard += [
        Settled(outcome.id, outcome.state, outcome.outcome if outcome.result_ttl > 0 else b"")
        for outcome in finished
        if outcome.id in own
    ]


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
