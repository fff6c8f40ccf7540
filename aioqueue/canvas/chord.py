"""A callback that runs when all members have a value."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar, overload

from aioqueue.canvas.group import Group, Single, group
from aioqueue.canvas.handover import hand_over_nothing
from aioqueue.canvas.layout import Layout, Place, job_of, joined, refuse_repeats, refuse_unique
from aioqueue.canvas.pipeline import stage_of
from aioqueue.drivers.base import NewChord
from aioqueue.errors import ConfigurationError
from aioqueue.record import Handed, Member, Stage
from aioqueue.result import Result, ResultSource

Q = ParamSpec("Q")
R = TypeVar("R")
S = TypeVar("S")
T = TypeVar("T")
R_co = TypeVar("R_co", covariant=True)


class Chord(Generic[R_co]):
    """Members, and a callback that is given their values as a list, in order. Made by `chord([...], callback)`.

    The callback runs once, however often members are delivered; of nothing it runs at once with an empty list. A
    member that fails for good ends the callback with it. The callback's `delay` and `expires` count from the moment
    when all have a value.
    """

    def __init__(self, members: Group[Any], callback: Stage, source: ResultSource) -> None:
        self.source = source
        self._members = members
        self._leaves = members.leaves
        self._callback = callback
        for leaf in self._leaves:
            refuse_unique(leaf)
        refuse_repeats(self.ids)

    def __repr__(self) -> str:
        return f"<Chord of {len(self._members)} -> {self._callback.task}>"

    @property
    def id(self) -> str:
        """The id of the callback's job."""
        return self._callback.id

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids of all its jobs, the callback's last."""
        return (*self._member_ids, self.id)

    @property
    def _member_ids(self) -> tuple[str, ...]:
        return tuple(job_id for leaf in self._leaves for job_id in leaf.ids)

    @property
    def unique(self) -> str:
        """Always empty: a chord has no unique key."""
        return ""

    def lay_out(self, place: Place) -> Layout:
        """Return what is stored: the members, each with its place, and the callback that waits for them."""
        nesting = self._members.nesting
        if not self._leaves:
            handed = hand_over_nothing(self.source.returns.serializer, nesting, self._callback.handed)
            return Layout([job_of(self._callback, place, handed)])
        nested = nesting if any(each is not None for each in nesting) else None
        callback = job_of(self._callback, place, Handed(self._callback.handed, gathers=True, nesting=nested))
        waiting = Layout([], [NewChord(callback, len(self._leaves), self._member_ids)])
        beyond = (self.id, *place.beyond)
        places = (Place(Member(self.id, index), beyond) for index in range(len(self._leaves)))
        return joined([waiting, *(leaf.lay_out(its) for leaf, its in zip(self._leaves, places, strict=True))])

    def results(self) -> Result[R_co]:
        """Return the handle of the callback."""
        return Result(self.id, self.source)


@overload
def chord(
    jobs: Iterable[Single[R]] | Group[R],
    callback: Callable[Concatenate[list[R], Q], Coroutine[Any, Any, Result[S]]],
    /,
    *args: Q.args,
    **kwargs: Q.kwargs,
) -> Chord[S]: ...
# the value of a group is a list
@overload
def chord(
    jobs: Iterable[Group[R]],
    callback: Callable[Concatenate[list[list[R]], Q], Coroutine[Any, Any, Result[S]]],
    /,
    *args: Q.args,
    **kwargs: Q.kwargs,
) -> Chord[S]: ...
@overload
def chord(
    jobs: Iterable[Single[R] | Group[T]],
    callback: Callable[Concatenate[list[R | list[T]], Q], Coroutine[Any, Any, Result[S]]],
    /,
    *args: Q.args,
    **kwargs: Q.kwargs,
) -> Chord[S]: ...
def chord(jobs: Iterable[Any] | Group[Any], callback: Any, /, *args: Any, **kwargs: Any) -> Chord[Any]:
    """Return jobs and a callback for the list of their values: `await queue.enqueue(chord([...], total, 2.0))`.

    Members may be pipelines, chords and groups too; the value of a group is a list. The callback is called with the
    list of all values, then `args` and `kwargs`.
    """
    members = jobs if isinstance(jobs, Group) else group(jobs)
    sources = [leaf.source for leaf in members.leaves]
    if any(source.session != sources[0].session for source in sources):
        raise ConfigurationError("the members of a chord belong to different queues: a canvas stays within one")
    stage, source = stage_of(sources[0] if sources else None, callback, 1, args, kwargs)
    return Chord(members, stage, source)
