"""How a job enters the store, unless it is there already. Used under the store's lock."""

from __future__ import annotations

from collections.abc import Sequence

from aioqueue.drivers.base import Admitted, NewChord, NewJob, known_member
from aioqueue.drivers.memory.chord import Chord
from aioqueue.drivers.memory.record import Record, admitted, due_time, expiry, placeholder
from aioqueue.drivers.memory.store import QueueState


def admit(state: QueueState, job: NewJob, now: float) -> tuple[Admitted, bool]:
    """Store a job unless its id or its key is taken; answer also whether a worker should know."""
    refusal = refused(state, job, now)
    return (refusal, False) if refusal else (Admitted("accepted", job.id), store(state, job, now))


def admit_chords(state: QueueState, chords: Sequence[NewChord], now: float) -> None:
    """Let the callback of each chord wait, unless its id or its key is taken; `ValueError` if a member is there."""
    new = [chord for chord in chords if refused(state, chord.callback, now) is None]
    for chord in new:
        refuse_known_members(state, chord, now)
    for chord in new:
        if refused(state, chord.callback, now) is None:  # two of one call may have one id
            state.shelves.set_aside(enter(state, chord.callback, now))
            state.chords[chord.callback.id] = Chord(chord.size, chord.callback)


def refuse_known_members(state: QueueState, chord: NewChord, now: float) -> None:
    """Raise `ValueError` for a member that will give the chord no value, because it is there already."""
    for job_id in chord.members:
        if is_known(state, job_id, now):
            raise known_member(job_id)


def is_known(state: QueueState, job_id: str, now: float) -> bool:
    """Tell whether a job lives, or has finished and is remembered."""
    return job_id in state.shelves.jobs or state.remains.settled(job_id, now) is not None


def call_back(state: QueueState, callback: Record, now: float) -> bool:
    """Queue or schedule the callback of a chord that is complete; answer whether a worker should know."""
    job = state.chords[callback.id].callback
    state.shelves.withdraw(callback)
    callback.expires_at = expiry(job, now)
    return state.shelves.shelve(callback, due_time(job.eta, job.delay, now), now)


def succeed(state: QueueState, job: NewJob, now: float) -> bool:
    """Store what follows a job, in the place that waits for it; answer whether a worker should know."""
    waiting = state.shelves.waiting.get(job.id)
    if waiting is None:
        return admit(state, job, now)[1]
    if state.shelves.keys.get(job.unique, job.id) != job.id:
        return False
    state.shelves.withdraw(waiting)
    state.shelves.leave(waiting)
    return store(state, job, now)


def refused(state: QueueState, job: NewJob, now: float) -> Admitted | None:
    """Return why a job is not stored, if it is not."""
    if job.id in state.shelves.jobs:
        return Admitted("present", job.id)
    if state.remains.settled(job.id, now) is not None:
        return Admitted("finished", job.id)
    holder = state.shelves.keys.get(job.unique)
    return Admitted("present", holder) if holder else None


def store(state: QueueState, job: NewJob, now: float) -> bool:
    """Queue or schedule a new job; answer whether a worker should know."""
    return state.shelves.shelve(enter(state, job, now), due_time(job.eta, job.delay, now), now)


def enter(state: QueueState, job: NewJob, now: float) -> Record:
    """Make a job a live one, and let its later stages wait."""
    record = admitted(job, now)
    state.shelves.enter(record)
    for stage_id in job.waits:
        keep_place(state, stage_id, job.id, now)
    return record


def keep_place(state: QueueState, stage_id: str, awaits: str, now: float) -> None:
    """Let a later stage wait, or wait for another job than before."""
    place = state.shelves.waiting.get(stage_id)
    if place is not None and place.awaits:
        place.awaits = awaits
    elif not is_known(state, stage_id, now):
        stage = placeholder(stage_id, awaits)
        state.shelves.enter(stage)
        state.shelves.set_aside(stage)
