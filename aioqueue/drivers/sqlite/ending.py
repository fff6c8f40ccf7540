"""The ends of jobs: what is kept of them, who is told, and what goes with them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TypeAlias

from aioqueue.drivers.base import DONE_MARKER_TTL, LONGEST_TTL, Ended, Finished, Settled
from aioqueue.drivers.sqlite import chords, revoking, stages
from aioqueue.drivers.sqlite.transaction import Row, Transaction, json_list

Ending: TypeAlias = Ended | Finished

_NO_TOKEN: Final = 0


def end_jobs(transaction: Transaction, positions: Sequence[int], endings: Sequence[Ending]) -> list[str]:
    """End jobs that have a position; return their ids, for `let_go`."""
    transaction.many("end_job", [(position,) for position in positions])
    return _record(transaction, endings)


def end_waiting(transaction: Transaction, endings: Sequence[Ended]) -> list[str]:
    """End those jobs that wait; of the others nothing changes. Return the ids of what ended, for `let_go`."""
    if not endings:
        return []
    waited = stages.vacate(transaction, [ended.id for ended in endings])
    ends = {ended.id: ended for ended in endings if ended.id in waited}
    return _record(transaction, list(ends.values())) if ends else []


def let_go(transaction: Transaction, ended: Sequence[str]) -> None:
    """Forget what is there for the sake of jobs that have ended: later stages, chords of callbacks, marks.

    To be called when all that follows from the ends is written: a successor takes such a place, with its mark.
    """
    any_waits, any_chord, any_mark = transaction.one("dependents")
    abandoned = stages.abandon(transaction, ended) if any_waits else []
    if any_chord:
        chords.forget(transaction, ended)
    if any_mark:
        revoking.forget(transaction, [*ended, *abandoned])


def _record(transaction: Transaction, endings: Sequence[Ending]) -> list[str]:
    transaction.many("record_settled", [_settled_row(transaction, ending) for ending in endings])
    _tell(transaction, endings)
    return [ending.id for ending in endings]


def _settled_row(transaction: Transaction, ending: Ending) -> Row:
    token = ending.token if isinstance(ending, Finished) else _NO_TOKEN
    outcome_until = transaction.now + min(LONGEST_TTL, ending.result_ttl)  # also for one that is no number
    expires_at = max(outcome_until, transaction.now + DONE_MARKER_TTL)
    return transaction.queue, ending.id, ending.state.value, token, outcome_until, expires_at, _kept(ending)


def _kept(ending: Ending) -> bytes:
    return ending.outcome if ending.result_ttl > 0 else b""


def _tell(transaction: Transaction, endings: Sequence[Ending]) -> None:
    """Note who waits for these jobs: this driver's listener is told at once, others fetch what they are rung for."""
    ids = json_list([ending.id for ending in endings])
    transaction.news.told.update(row[0] for row in transaction.rows("tell_waiters", ids=ids))
    own = {row[0] for row in transaction.rows("take_own_waiters", ids=ids)}
    transaction.news.heard += [
        Settled(ending.id, ending.state, _kept(ending)) for ending in endings if ending.id in own
    ]
