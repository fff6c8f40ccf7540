"""The judge: what the receipts say, and nothing else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from benchmarks.faults.receipts import Receipt, jobs_with


@dataclass(frozen=True)
class Fault:
    """What hit some jobs at a time."""

    at: float
    jobs: frozenset[int]


@dataclass(frozen=True)
class Verdict:
    """What became of the jobs.

    `lost` were acknowledged and had not ended when the last wait was over; `unstarted` of them had not even started.
    `stalled` had not ended when the first wait was over, before new jobs were enqueued.
    `repeated` counts the executions beyond the first of each job, `deaths` the worker processes that ended by
    themselves and were started again by the harness. `recoveries` are the seconds from a fault to the next start of
    each job that it hit, `waited` those from the first fault until every job had ended or the wait was over. `extra`
    are figures of one row only.
    """

    jobs: int
    lost: int
    unstarted: int
    stalled: int
    repeated: int
    deaths: int
    recoveries: tuple[float, ...]
    waited: float
    extra: dict[str, float | str] = field(default_factory=dict)


def judge(
    receipts: Sequence[Receipt], faults: Sequence[Fault], deaths: int, stalled: int, besides: frozenset[int]
) -> Verdict:
    """Judge a whole file; the jobs `besides` are the fault themselves and counted nowhere."""
    rest = [receipt for receipt in receipts if receipt.job not in besides]
    enqueued, ended = jobs_with(rest, "enqueued"), jobs_with(rest, "ended")
    starts = Counter(receipt.job for receipt in rest if receipt.kind == "started")
    return Verdict(
        jobs=len(enqueued),
        lost=len(enqueued - ended),
        unstarted=len(enqueued - set(starts)),
        stalled=stalled,
        repeated=starts.total() - len(starts),
        deaths=deaths,
        recoveries=tuple(sorted(_recoveries(rest, faults))),
        waited=_waited(rest, faults),
    )


def _recoveries(receipts: Sequence[Receipt], faults: Sequence[Fault]) -> list[float]:
    seconds: list[float] = []
    for fault in faults:
        for job in fault.jobs:
            later = (r.at for r in receipts if r.kind == "started" and r.job == job and r.at > fault.at)
            seconds += [at - fault.at for at in later][:1]
    return seconds


def _waited(receipts: Sequence[Receipt], faults: Sequence[Fault]) -> float:
    first_ends: dict[int, float] = {}
    for receipt in receipts:
        if receipt.kind == "ended":
            first_ends.setdefault(receipt.job, receipt.at)
    if not faults or not first_ends:
        return 0.0
    return max(0.0, max(first_ends.values()) - min(fault.at for fault in faults))
