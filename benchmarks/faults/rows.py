"""The faults. Each is played on a stage of its own with an empty server, and says what the judge is to look at."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from benchmarks.faults.contestants import TIMEOUT
from benchmarks.faults.garbage import spoil
from benchmarks.faults.judge import Fault, Verdict
from benchmarks.faults.receipts import in_hand
from benchmarks.faults.stage import Stage, Worker

STARTS_WITHIN: Final = 60.0
LINGER: Final = 2 * TIMEOUT
QUIET: Final = 40.0
POISON_WITHIN: Final = 240.0
AWAY: Final = 3.0
STIR: Final = 8
OFF_BEAT: Final = 0.37  # or a job would end in step with what a worker does every second
MARKER: Final = "this-one-becomes-garbage"

Play: TypeAlias = Callable[[Stage], Verdict]


def kill(stage: Stage) -> Verdict:
    """kill -9 of a whole worker, of its successor and of that one's, 200 jobs of 0.25 s on it and a second worker,
    which lives on."""
    jobs = stage.enqueue([(0.25, "nap")] * 200)
    victim = stage.start_worker()
    stage.start_worker()
    for third in range(3):
        goal = 40 + 40 * third + stage.random.randrange(20)
        stage.until(lambda: len(stage.ended()) >= goal and has_in_hand(stage, victim), STARTS_WITHIN)  # noqa: B023
        stage.kill(victim)
        victim = stage.start_worker()
    return all_over(stage, jobs)


def freeze(stage: Stage) -> Verdict:
    """SIGSTOP of a worker with four jobs of 2 s in hand for three of its timeouts, a second worker alive; then
    SIGCONT."""
    jobs = stage.enqueue([(2.0, "nap")] * 4)
    zombie = stage.start_worker()
    stage.until(lambda: stage.started() >= set(jobs), STARTS_WITHIN)
    stage.freeze(zombie)
    stage.start_worker()
    stage.until(lambda: False, 3 * stage.contestant.timeout)
    stage.thaw(zombie)
    jobs += stage.enqueue([(2.0, "nap")] * 8)
    return all_over(stage, jobs)


def poison(stage: Stage) -> Verdict:
    """A job that ends its process (`os._exit`) among 60 of 0.05 s; what dies is started again a second later."""
    place = 20 + stage.random.randrange(20)
    before, (killer,), after = (
        stage.enqueue([(0.05, "nap")] * place),
        stage.enqueue([(0.0, "poison")]),
        stage.enqueue([(0.05, "nap")] * (60 - place)),
    )
    stage.start_worker()
    healthy, quiet = {*before, *after}, min(QUIET, stage.contestant.patience)

    def is_quiet() -> bool:
        last = max((r.at for r in stage.read() if r.kind == "started"), default=time.monotonic())
        return time.monotonic() - last > quiet

    stage.until(is_quiet, POISON_WITHIN)
    if not healthy <= stage.ended():
        see_what_new_jobs_stir(stage, healthy)
        stage.until(is_quiet, POISON_WITHIN / 2)
    runs = [r.at for r in stage.read() if r.kind == "started" and r.job == killer]
    given_up = bool(runs) and time.monotonic() - runs[-1] > quiet
    extra: dict[str, float | str] = {"poison_runs": len(runs), "given_up": "yes" if given_up else "no"}
    return replace(stage.verdict(frozenset({killer})), extra=extra)


def undecodable(stage: Stage) -> Verdict:
    """A message that is garbage among 40 of 0.05 s, and ten more when those are done."""
    before = stage.enqueue([(0.05, "nap")] * 20)
    (spoilt,) = stage.enqueue([(0.05, MARKER)])
    after = stage.enqueue([(0.05, "nap")] * 20)
    if not spoil(stage.server.client, MARKER):
        raise LookupError("its message was not found in the store in a form that can be recognised")
    began = time.monotonic()
    stage.faults.append(Fault(began, frozenset()))
    stage.start_worker()
    jobs = [*before, *after]
    stage.until(lambda: stage.ended() >= set(jobs), STARTS_WITHIN)
    jobs += stage.enqueue([(0.05, "nap")] * 10)
    stage.until(lambda: stage.ended() >= set(jobs), STARTS_WITHIN)
    return stage.verdict(frozenset({spoilt}))


def restart(stage: Stage) -> Verdict:
    """Redis killed in mid-run and started again 3 s later, 100 jobs of 0.25 s on two workers; nothing acknowledged is
    missing from its disk."""
    jobs = stage.enqueue([(0.25, "nap")] * 100)
    stage.start_worker()
    stage.start_worker()
    goal = 20 + stage.random.randrange(20)
    stage.until(lambda: len(stage.ended()) >= goal, STARTS_WITHIN)
    stage.server.kill()
    stage.until(lambda: False, AWAY)
    in_the_dark = stage.started()
    stage.server.start()
    back = time.monotonic()
    stage.faults.append(Fault(back, frozenset()))
    stage.until(lambda: bool(stage.started() - in_the_dark), stage.contestant.patience)
    first = [max(r.at - back, 0.0) for r in stage.read() if r.kind == "started" and r.job not in in_the_dark][:1]
    verdict = all_over(stage, jobs)
    return replace(verdict, recoveries=tuple(first))


def long(stage: Stage) -> Verdict:
    """Two healthy jobs that take a little more than four timeouts, on two workers."""
    jobs = stage.enqueue([(4 * TIMEOUT + OFF_BEAT, "nap")] * 2)
    stage.start_worker()
    stage.start_worker()
    stage.until(lambda: stage.started() >= set(jobs), STARTS_WITHIN)
    stage.faults.append(Fault(time.monotonic(), frozenset()))
    return all_over(stage, jobs)


def has_in_hand(stage: Stage, worker: Worker) -> bool:
    """Tell whether a worker has started a job that has not ended."""
    return bool(in_hand(stage.read(), worker.pids()))


def all_over(stage: Stage, jobs: list[int]) -> Verdict:
    """Wait until all of these have ended, as long as the contestant's patience lasts; then for late repeats."""
    if not stage.until(lambda: stage.ended() >= set(jobs), stage.contestant.patience):
        see_what_new_jobs_stir(stage, set(jobs))
    stage.until(lambda: False, LINGER)
    return stage.verdict()


def see_what_new_jobs_stir(stage: Stage, jobs: set[int]) -> None:
    """Note what has not ended, enqueue a few jobs, and wait as long again: some recover only while they are busy."""
    stage.stalled = len(jobs - stage.ended())
    new = stage.enqueue([(0.05, "nap")] * STIR)
    stage.until(lambda: stage.ended() >= jobs | set(new), stage.contestant.patience)


@dataclass(frozen=True)
class Row:
    """One fault; `number` is that of the row of the same fault in docs/guarantees.md."""

    name: str
    number: int
    play: Play

    @property
    def what(self) -> str:
        """What is done, in one sentence."""
        return " ".join((self.play.__doc__ or "").split())


ROWS: Final = (
    Row("kill", 1, kill),
    Row("freeze", 4, freeze),
    Row("long", 6, long),
    Row("restart", 7, restart),
    Row("poison", 14, poison),
    Row("undecodable", 15, undecodable),
)
