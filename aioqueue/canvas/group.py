"""Jobs that run side by side."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Generic, TypeAlias, TypeVar, overload

from aioqueue.canvas.handover import Nesting
from aioqueue.canvas.job import Job
from aioqueue.canvas.layout import Canvas, Layout, Place, joined, refuse_repeats
from aioqueue.result import Result, ResultGroup

if TYPE_CHECKING:
    from aioqueue.canvas.chord import Chord
    from aioqueue.canvas.pipeline import Pipeline

R = TypeVar("R")
S = TypeVar("S")
R_co = TypeVar("R_co", covariant=True)

# What gives one value; a group gives a list of them.
Single: TypeAlias = "Job[R] | Pipeline[Any, R] | Chord[R]"


class Group(Generic[R_co]):
    """Jobs to be enqueued in one step. Made by `group([...])`."""

    def __init__(self, members: Iterable[Canvas | Group[Any]]) -> None:
        self._members = tuple(members)
        refuse_repeats(job_id for leaf in self.leaves for job_id in leaf.ids)

    def __repr__(self) -> str:
        return f"<Group of {len(self)}>"

    def __len__(self) -> int:
        return len(self._members)

    @property
    def leaves(self) -> tuple[Canvas, ...]:
        """The members, each group among them replaced by its own, in order."""
        return tuple(leaf for one in self._members for leaf in (one.leaves if isinstance(one, Group) else (one,)))

    @property
    def nesting(self) -> Nesting:
        """How the values of the leaves make up that of the group."""
        return [one.nesting if isinstance(one, Group) else None for one in self._members]

    def lay_out(self, place: Place) -> Layout:
        """Return what is stored."""
        return joined(leaf.lay_out(place) for leaf in self.leaves)

    def results(self, there: Mapping[str, str]) -> ResultGroup[R_co]:
        """Return the handles of the members, in order; `there` says which id stands for one with a unique key."""
        results: list[Any] = [
            one.results(there) if isinstance(one, Group) else Result(there.get(one.id, one.id), one.source)
            for one in self._members
        ]
        return ResultGroup(results)


@overload
def group(jobs: Iterable[Single[R]], /) -> Group[R]: ...
@overload
def group(jobs: Iterable[Group[R]], /) -> Group[list[R]]: ...
@overload
def group(jobs: Iterable[Single[R] | Group[S]], /) -> Group[R | list[S]]: ...
def group(jobs: Iterable[Any], /) -> Group[Any]:
    """Return jobs to be enqueued together: `await queue.enqueue(group([add.s(1, 2), add.s(3, 4)]))`.

    Members may be pipelines and chords too, whose value is that of their last job, and groups, whose value is a list.
    """
    members: tuple[Any, ...] = tuple(jobs)
    for member in members:
        if not hasattr(member, "lay_out"):
            raise TypeError(f"a member is made by task.s(...), .then(...), group(...) or chord(...), not {member!r}")
    return Group(members)
