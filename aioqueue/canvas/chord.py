"""A callback that runs when all members have a value."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar

from aioqueue.canvas.group import group
from aioqueue.canvas.handover import hand_over
from aioqueue.canvas.job import Job
from aioqueue.canvas.layout import Canvas, Layout, Place, job_of, refuse_repeats, refuse_unique
from aioqueue.canvas.pipeline import stage_of
from aioqueue.drivers.base import NewChord
from aioqueue.errors import ConfigurationError
from aioqueue.record import Member, Stage
from aioqueue.result import Result, ResultSource

Q = ParamSpec("Q")
R = TypeVar("R")
S = TypeVar("S")
R_co = TypeVar("R_co", covariant=True)

_NO_VALUES = b"\x90"  # an empty array in msgpack


class Chord(Generic[R_co]):
    """Members, and a callback that is given their values as a list, in order. Made by `chord([...], callback)`.

    The callback runs once, however often members are delivered; of nothing it runs at once with an empty list. A
    member that fails for good ends the callback with it.
    """

    def __init__(self, members: tuple[Canvas, ...], callback: Stage, source: ResultSource) -> None:
        self.members = members
        self.source = source
        self._callback = callback
        for member in members:
            refuse_unique(member)
        refuse_repeats(self.ids)

    def __repr__(self) -> str:
        return f"<Chord of {len(self.members)} -> {self._callback.task}>"

    @property
    def id(self) -> str:
        """The id of the callback's job."""
        return self._callback.id

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids of all its jobs, the callback's last."""
        return (*(job_id for member in self.members for job_id in member.ids), self.id)

    @property
    def unique(self) -> str:
        """Always empty: a chord has no unique key."""
        return ""

    def lay_out(self, place: Place) -> Layout:
        """Return what is stored: the members, each with its place, and the callback that waits for them."""
        if not self.members:
            handed = hand_over(_NO_VALUES, "value", self._callback.handed)
            return Layout([job_of(self._callback, place, handed)])
        callback = job_of(self._callback, place, self._callback.handed, gathers=True)
        layout = Layout([], [NewChord(callback, len(self.members))])
        for index, member in enumerate(self.members):
            layout += member.lay_out(Place(Member(self.id, index), (self.id, *place.beyond)))
        return layout

    def results(self) -> Result[R_co]:
        """Return the handle of the callback."""
        return Result(self.id, self.source)


def chord(
    jobs: Iterable[Job[R]],
    callback: Callable[Concatenate[list[R], Q], Coroutine[Any, Any, Result[S]]],
    /,
    *args: Q.args,
    **kwargs: Q.kwargs,
) -> Chord[S]:
    """Return jobs and a callback for the list of their values: `await queue.enqueue(chord([...], total, 2.0))`.

    Members may be pipelines and chords too. The callback is called with the list, then `args` and `kwargs`.
    """
    members = group(jobs).members
    sources = [member.source for member in members]
    if any(source.session != sources[0].session for source in sources):
        raise ConfigurationError("the members of a chord belong to different queues: a canvas stays within one")
    stage, source = stage_of(sources[0] if sources else None, callback, 1, args, dict(kwargs))
    return Chord(members, stage, source)
