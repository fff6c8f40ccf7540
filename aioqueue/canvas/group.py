"""Jobs that run side by side."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Generic, TypeVar

from aioqueue.canvas.job import Job
from aioqueue.canvas.layout import Canvas, Layout, Place, refuse_repeats
from aioqueue.result import Result, ResultGroup

R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)


class Group(Generic[R_co]):
    """Jobs to be enqueued in one step. Made by `group([...])`."""

    def __init__(self, members: Iterable[Canvas]) -> None:
        self.members = tuple(members)

    def __repr__(self) -> str:
        return f"<Group of {len(self.members)}>"

    def lay_out(self, place: Place) -> Layout:
        """Return what is stored."""
        layout = Layout()
        for member in self.members:
            layout += member.lay_out(place)
        return layout

    def results(self, there: Mapping[str, str]) -> ResultGroup[R_co]:
        """Return the handles of the members, in order; `there` says which id stands for one with a unique key."""
        return ResultGroup([Result(there.get(member.id, member.id), member.source) for member in self.members])


def group(jobs: Iterable[Job[R]], /) -> Group[R]:
    """Return jobs to be enqueued together: `await queue.enqueue(group([add.s(1, 2), add.s(3, 4)]))`.

    Members may be pipelines and chords too; such a member's value is that of its last job.
    """
    return Group(_checked(jobs))


def _checked(jobs: Iterable[Any]) -> tuple[Canvas, ...]:
    members = tuple(jobs)
    for member in members:
        if not hasattr(member, "lay_out") or isinstance(member, Group):
            raise TypeError(f"a member is made by task.s(...), .then(...) or chord(...), not {member!r}")
    refuse_repeats(job_id for member in members for job_id in member.ids)
    return members
