"""Storing jobs whose ids and keys are not taken, with the places of their later stages, and chords."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from aioqueue.drivers.base import Admission, Admitted, NewChord, NewJob, known_member
from aioqueue.drivers.sqlite.schedule import announce, due_time
from aioqueue.drivers.sqlite.transaction import Row, Transaction, json_list

Taken: TypeAlias = dict[str, Admission]


def enqueue(transaction: Transaction, jobs: Sequence[NewJob], chords: Sequence[NewChord] = ()) -> list[Admitted]:
    """Store each chord and then each job whose id and key are not taken; answer for the jobs."""
    if chords:
        _enqueue_chords(transaction, chords)
    taken = _taken(transaction, jobs)
    admitted = _admitted(transaction, jobs, taken)
    new = [job for job, its in zip(jobs, admitted, strict=True) if its.admission == "accepted"]
    if new:
        due_times = [due_time(transaction, job.eta, job.delay) for job in new]
        announce(transaction, due_times)
        rows = zip(new, ("scheduled" if due_at else "queued" for due_at in due_times), due_times, strict=True)
        transaction.many("insert_job", [_row(transaction, *row) for row in rows])
        _keep_places(transaction, new, taken)
    return admitted


def _enqueue_chords(transaction: Transaction, chords: Sequence[NewChord]) -> None:
    callbacks = [chord.callback for chord in chords]
    taken = _taken(transaction, callbacks)
    admitted = _admitted(transaction, callbacks, taken)
    new = [chord for chord, its in zip(chords, admitted, strict=True) if its.admission == "accepted"]
    _refuse_known_members(transaction, new)
    transaction.many("insert_job", [_row(transaction, chord.callback, "waiting", 0.0) for chord in new])
    transaction.many("insert_chord", [_chord_row(transaction, chord) for chord in new])
    _keep_places(transaction, [chord.callback for chord in new], taken)


def _refuse_known_members(transaction: Transaction, chords: Sequence[NewChord]) -> None:
    """Raise `ValueError` for a member that will give its chord no value, because it is there already."""
    members = [job_id for chord in chords for job_id in chord.members]
    known = _known(transaction, members) if members else {}
    if known:
        raise known_member(next(job_id for job_id in members if job_id in known))


def _taken(transaction: Transaction, jobs: Sequence[NewJob]) -> Taken:
    return _known(transaction, [*(job.id for job in jobs), *(stage for job in jobs for stage in job.waits)])


def _known(transaction: Transaction, job_ids: Sequence[str]) -> Taken:
    ids = json_list(job_ids)
    known: Taken = {row[0]: "finished" for row in transaction.rows("finished_ids", ids=ids)}
    known.update((row[0], "present") for row in transaction.rows("present_ids", ids=ids))
    return known


def _admitted(transaction: Transaction, jobs: Sequence[NewJob], taken: Taken) -> list[Admitted]:
    keys = [job.unique for job in jobs if job.unique]
    owners: dict[str, str] = dict(transaction.rows("owners_of_keys", keys=json_list(keys))) if keys else {}
    return [_admit(job, taken, owners) for job in jobs]


def _admit(job: NewJob, taken: Taken, owners: dict[str, str]) -> Admitted:
    """Judge one job, and take its id, its key and its places for those that come after it."""
    if admission := taken.get(job.id):
        return Admitted(admission, job.id)
    if job.unique and (owner := owners.setdefault(job.unique, job.id)) != job.id:
        return Admitted("present", owner)
    taken[job.id] = "present"
    for stage in job.waits:
        taken.setdefault(stage, "present")
    return Admitted("accepted", job.id)


def _keep_places(transaction: Transaction, jobs: Sequence[NewJob], taken: Taken) -> None:
    """Let later stages wait; one that waits already waits for the new job from now on."""
    places = [(transaction.queue, stage, job.id) for job in jobs for stage in job.waits if taken[stage] == "present"]
    if places:
        transaction.many("keep_place", places)


def _row(transaction: Transaction, job: NewJob, state: str, due_at: float) -> Row:
    expires_at = job.expires_at or (transaction.now + job.expires_in if job.expires_in else 0.0)
    return transaction.queue, job.id, state, job.task, job.priority, due_at, expires_at, job.unique, job.payload


def _chord_row(transaction: Transaction, chord: NewChord) -> Row:
    job = chord.callback
    expires_in = 0.0 if job.expires_at else job.expires_in
    return transaction.queue, job.id, chord.size, chord.size, job.delay, job.eta, expires_in
