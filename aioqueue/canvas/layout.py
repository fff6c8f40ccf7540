"""What a canvas becomes in the store."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, Protocol

from msgspec import UNSET, Struct, field

from aioqueue.drivers.base import NewChord, NewJob
from aioqueue.record import FORMAT, Handed, Member, Record, Stage, encode_record
from aioqueue.result import ResultSource


class Layout(Struct, frozen=True):
    """The jobs and chords of one canvas: stored in one step."""

    jobs: list[NewJob] = field(default_factory=list)
    chords: list[NewChord] = field(default_factory=list)


def joined(layouts: Iterable[Layout]) -> Layout:
    """Return all of these as one, in order."""
    whole = Layout()
    for layout in layouts:
        whole.jobs.extend(layout.jobs)
        whole.chords.extend(layout.chords)
    return whole


class Place(Struct, frozen=True):
    """Where a canvas stands in a larger one: its member's place in a chord, and the ids that end if it fails."""

    member: Member | None = None
    beyond: tuple[str, ...] = ()


ALONE: Final = Place()


class Canvas(Protocol):
    """What can be enqueued, or be a member of a chord."""

    @property
    def source(self) -> ResultSource:
        """Where its value comes from."""
        ...

    @property
    def id(self) -> str:
        """The id of the job that gives its value."""
        ...

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids of all its jobs."""
        ...

    @property
    def unique(self) -> str:
        """The key under which it may turn out to be stored already; empty if it has none."""
        ...

    def lay_out(self, place: Place) -> Layout:
        """Return what is stored of it."""
        ...


class Stageable(Protocol):
    """A task, as far as a canvas needs one."""

    @property
    def source(self) -> ResultSource:
        """Where the values of its jobs come from."""
        ...

    def stage(self, leading: int | None, args: tuple[object, ...], kwargs: dict[str, Any]) -> Stage:
        """Return a job to come: `leading` values will go before `args`, None if their number is not known yet."""
        ...


def refuse_repeats(ids: Iterable[str]) -> None:
    """Raise `ValueError` for an id that comes twice: no job can follow itself, or be two members."""
    known: set[str] = set()
    for job_id in ids:
        if job_id in known:
            raise ValueError(f"job {job_id} comes twice in this canvas: make one job for each place")
        known.add(job_id)


def refuse_unique(canvas: Canvas) -> None:
    """Raise `ValueError` for a job with a unique key where others depend on its value: it might never be stored."""
    if canvas.unique:
        raise ValueError(f"{canvas!r} has a unique key: no other job can wait for its value")


def job_of(
    stage: Stage,
    place: Place,
    handed: Handed,
    then: tuple[Stage, ...] = (),
    *,
    priority: int = 0,
    expires_at: float = 0.0,
) -> NewJob:
    """Return the job that a stage becomes once what is handed to it is known.

    `priority` and `expires_at` are those of its predecessor: they hold where the stage has none of its own.
    """
    record = Record(
        FORMAT,
        stage.task,
        b"",
        stage.retries,
        0,
        stage.retry_delay,
        stage.timeout,
        stage.result_ttl,
        handed=handed,
        then=then,
        errors=stage.errors,
        member=place.member,
        beyond=place.beyond,
    )
    return NewJob(
        stage.id,
        stage.task,
        encode_record(record),
        priority if stage.priority is UNSET else stage.priority,
        stage.delay,
        stage.eta,
        stage.expires_in,
        stage.expires_at or (0.0 if stage.expires_in else expires_at),
    )
