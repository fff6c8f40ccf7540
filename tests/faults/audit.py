"""The checker: what the receipts say about lost jobs, repeated executions, contradicting outcomes and dead workers."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import TypeAlias

from msgspec import Struct

from tests.faults.receipts import (
    Dropped,
    Ended,
    Enqueued,
    Learned,
    Reaped,
    Receipt,
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
    gave; `executions` counts the bodies started, by job; `deaths` are the workers that ended without being asked to and
    without being killed by the test; `reaped` counts the jobs that reaps found in hand; `recoveries` are the seconds
    from a kill to the next start of what was running.
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
        contradictions=[*_two_outcomes(receipts), *_two_settles(receipts), *_invented_values(receipts)],
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


def _recoveries(receipts: Sequence[Receipt]) -> list[float]:
    seconds: list[float] = []
    for position, receipt in enumerate(receipts):
        if isinstance(receipt, WorkerKilled):
            later = receipts[position:]
            for job in in_hand(receipts[:position], receipt.pid):
                restarts = (start.at for start in later if isinstance(start, Started) and start.id == job)
                seconds += [at - receipt.at for at in restarts][:1]
    return seconds
