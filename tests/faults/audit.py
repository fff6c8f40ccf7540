"""The checker: what the receipts say about lost jobs, repeated executions, contradicting outcomes and dead workers."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import TypeAlias

from msgspec import Struct

from tests.faults.receipts import (
    Claimed,
    Dropped,
    Ended,
    Enqueued,
    FailedAt,
    Learned,
    Reaped,
    Receipt,
    Released,
    SettleAnswered,
    Started,
    WorkerBegan,
    WorkerKilled,
    WorkerStopped,
)

Execution: TypeAlias = tuple[int, int]


class Report(Struct, frozen=True):
    """What became of the jobs and of the workers.

    `lost` were acknowledged and nobody learned an outcome; `contradictions` have two outcomes, or one that no execution
    gave, or a claim that is not fresh; `executions` counts the bodies started, by job; `deaths` are the workers that
    ended without being asked to and without being killed by the test; `reaped` counts the jobs that reaps found in
    hand; `recoveries` are the seconds from a kill to the next start of what the victim had claimed.
    """

    enqueued: int
    lost: list[str]
    contradictions: list[str]
    executions: Counter[str]
    deaths: list[int]
    reaps: int
    reaped: int
    recoveries: list[float]

    @property
    def repeats(self) -> int:
        """How many executions there were beyond the first of each job."""
        return sum(self.executions.values()) - len(self.executions)

    @property
    def slowest_recovery(self) -> float:
        """In seconds; 0 if nothing had to be recovered."""
        return max(self.recoveries, default=0.0)


def audit(receipts: Sequence[Receipt]) -> Report:
    """Judge a whole file of receipts, taken when all work has ended."""
    enqueued = {receipt.id for receipt in receipts if isinstance(receipt, Enqueued)}
    learned = {receipt.id for receipt in receipts if isinstance(receipt, Learned)}
    reaps = [receipt.jobs for receipt in receipts if isinstance(receipt, Reaped)]
    return Report(
        enqueued=len(enqueued),
        lost=sorted(enqueued - learned),
        contradictions=[
            *_two_outcomes(receipts),
            *_two_settles(receipts),
            *_invented_values(receipts),
            *_stale_claims(receipts),
        ],
        executions=Counter(receipt.id for receipt in receipts if isinstance(receipt, Started)),
        deaths=_deaths(receipts),
        reaps=len(reaps),
        reaped=sum(reaps),
        recoveries=_recoveries(receipts),
    )


def in_hand(receipts: Sequence[Receipt], pid: int) -> set[str]:
    """Return the jobs a process has started and of which it has not heard that they are settled."""
    own = [receipt for receipt in receipts if receipt.pid == pid]
    started = {receipt.id for receipt in own if isinstance(receipt, Started)}
    return started - {receipt.id for receipt in own if isinstance(receipt, SettleAnswered | Dropped)}


def held(receipts: Sequence[Receipt], pid: int) -> set[str]:
    """Return the jobs that the store gave a process, and of which it has not heard that they are anyone else's."""
    jobs: set[str] = set()
    for receipt in receipts:
        match receipt:
            case Claimed(pid=owner, jobs=claimed) if owner == pid:
                jobs |= claimed.keys()
            case FailedAt(pid=owner, jobs=claimed, point=point) if owner == pid and point.startswith("after:claim"):
                jobs |= set(claimed)
            case Released(pid=owner, jobs=released) if owner == pid:
                jobs -= set(released)
            case Started(pid=owner, id=job) if owner == pid:
                jobs.add(job)
            case SettleAnswered(pid=owner, id=job) | Dropped(pid=owner, id=job) if owner == pid:
                jobs.discard(job)
    return jobs


def _two_outcomes(receipts: Sequence[Receipt]) -> list[str]:
    outcomes: defaultdict[str, set[str]] = defaultdict(set)
    for receipt in receipts:
        if isinstance(receipt, Learned):
            outcomes[receipt.id].add(receipt.outcome)
    return [f"{job} ended twice: {sorted(known)}" for job, known in outcomes.items() if len(known) > 1]


def _two_settles(receipts: Sequence[Receipt]) -> list[str]:
    tokens: defaultdict[str, set[int]] = defaultdict(set)
    for receipt in receipts:
        if isinstance(receipt, SettleAnswered) and receipt.terminal and receipt.verdict in ("settled", "already"):
            tokens[receipt.id].add(receipt.token)
    return [f"{job} was settled by claims {sorted(known)}" for job, known in tokens.items() if len(known) > 1]


def _invented_values(receipts: Sequence[Receipt]) -> list[str]:
    """Every task returns the name of its execution, so a value that is none was given by no body of that job."""
    ended = {(receipt.id, f"{receipt.pid}.{receipt.n}") for receipt in receipts if isinstance(receipt, Ended)}
    return [
        f"{receipt.id} has the value {receipt.outcome}, which no body of it returned"
        for receipt in receipts
        if isinstance(receipt, Learned) and receipt.outcome[:1].isdigit() and (receipt.id, receipt.outcome) not in ended
    ]


def _deaths(receipts: Sequence[Receipt]) -> list[int]:
    began = {receipt.pid for receipt in receipts if isinstance(receipt, WorkerBegan)}
    accounted = {receipt.pid for receipt in receipts if isinstance(receipt, WorkerStopped | WorkerKilled)}
    return sorted(began - accounted)


def _stale_claims(receipts: Sequence[Receipt]) -> list[str]:
    """A token is given for one job, to one process, and never again; a reply may be repeated to whom it was meant."""
    given: dict[int, tuple[str, int]] = {}
    stale: list[str] = []
    for receipt in receipts:
        if isinstance(receipt, Claimed):
            for job, token in receipt.jobs.items():
                first = given.setdefault(token, (job, receipt.pid))
                if first != (job, receipt.pid):
                    stale.append(f"{job} was given to {receipt.pid} with token {token}, which {first} had")
    return stale


def _recoveries(receipts: Sequence[Receipt]) -> list[float]:
    """What is lost a second time before it starts again counts from there."""
    kills = [
        (position, kill.at, held(receipts[:position], kill.pid))
        for position, kill in enumerate(receipts)
        if isinstance(kill, WorkerKilled)
    ]
    seconds: list[float] = []
    for n, (position, killed_at, jobs) in enumerate(kills):
        for job in jobs:
            start = _next_start(receipts, position, job)
            again = any(other < start and job in others for other, _, others in kills[n + 1 :])
            if start < len(receipts) and not again:
                seconds.append(receipts[start].at - killed_at)
    return seconds


def _next_start(receipts: Sequence[Receipt], position: int, job: str) -> int:
    """Return the position of the next start of a job, the end if there is none."""
    for later in range(position, len(receipts)):
        receipt = receipts[later]
        if isinstance(receipt, Started) and receipt.id == job:
            return later
    return len(receipts)
