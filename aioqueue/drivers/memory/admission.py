"""How a job enters the store, unless it is there already. Used under the store's lock."""

from __future__ import annotations

from aioqueue.drivers.base import Admitted, NewChord, NewJob
from aioqueue.drivers.memory.chord import Chord
from aioqueue.drivers.memory.record import Record, admitted, due_time, placeholder
from aioqueue.drivers.memory.store import QueueState


def admit(state: QueueState, job: NewJob, now: float) -> tuple[Admitted, bool]:
    """Store a job unless its id or its key is taken; answer also whether a worker should know."""
    refusal = refused(state, job, now)
    return (refusal, False) if refusal else (Admitted("accepted", job.id), store(state, job, now))


def admit_chord(state: QueueState, chord: NewChord, now: float) -> None:
    """Let the callback of a chord wait, unless its id or its key is taken."""
    if refused(state, chord.callback, now) is None:
        state.shelves.set_aside(enter(state, chord.callback, now))
        state.chords[chord.callback.id] = Chord(chord.size)


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
    elif stage_id not in state.shelves.jobs and state.remains.settled(stage_id, now) is None:
        stage = placeholder(stage_id, awaits)
        state.shelves.enter(stage)
        state.shelves.set_aside(stage)
