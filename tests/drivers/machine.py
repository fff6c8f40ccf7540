"""The state machine that makes up histories of a queue, and holds a driver against the model at each step."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, ClassVar, TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from aioqueue.drivers.base import Again, Claim, Driver, Ended, Finished, NewJob, Outcome, Revocation
from aioqueue.ids import new_id
from aioqueue.states import TERMINAL, JobState, may_move
from tests.drivers.agreement import contents, expect_agreement, ids_of, look, places_of
from tests.drivers.model import Model
from tests.drivers.plans import (
    FIRST_SLOT,
    IDS,
    MOST_STEPS,
    SCHEDULE,
    STEP,
    Plan,
    Request,
    addressed,
    delays,
    endings,
    ends,
    few,
    ids,
    pick,
    plans,
    repeats,
    requests,
    successors,
)

T = TypeVar("T")

PROCESSES = 2
processes = st.integers(0, PROCESSES - 1)


def apart(requests: Iterable[Request]) -> list[Request]:
    """Return successors of one outcome that do not refer to each other: none waits for another of them."""
    requests = list(requests)
    named = {request[0] for request in requests}
    return [(*request[:4], [stage for stage in request[4] if stage not in named], *request[5:]) for request in requests]


class Histories(RuleBasedStateMachine):
    """Several processes work on one queue; any of them may do any step, and may disappear after it."""

    make: ClassVar[Callable[[str], Driver]]

    def __init__(self) -> None:
        super().__init__()
        self.model = Model()
        self.workers: list[str] = []  # those who know what they do; the others have crashed, retired or been reaped
        self.gone: list[str] = []
        self.given: list[tuple[str, Claim]] = []  # every claim ever given
        self.seen = dict.fromkeys(IDS, JobState.UNKNOWN)
        self.waited: set[str] = set()
        self.serials: set[int] = set()
        self.verbs: tuple[str, ...] = ()
        self.schedulings = 0
        self.steps = 0
        self.turn = 0
        self.queue = f"history-{new_id()}"
        self.runner = asyncio.Runner()
        self.drivers = [self.run(self.start()) for _ in range(PROCESSES)]

    def teardown(self) -> None:
        try:
            for driver in self.drivers:
                self.run(driver.flush())
                self.run(driver.close())
        finally:
            self.runner.close()

    def run(self, operation: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(operation)

    async def start(self) -> Driver:
        driver = type(self).make(self.queue)
        await driver.open()
        return driver

    # ------------------------------------------------------------------ jobs
    @initialize(requests=st.lists(requests, min_size=4, max_size=10))
    def begin(self, requests: list[Request]) -> None:
        for request in requests:
            self.enqueue(0, [request])

    @rule(process=processes, requests=st.lists(requests, min_size=1, max_size=6))
    def enqueue(self, process: int, requests: list[Request]) -> None:
        jobs = [self.new_job(request) for request in requests]
        expected = [self.model.enqueue(job) for job in jobs]
        assert self.run(self.drivers[process].enqueue(jobs)) == expected
        self.verbs = ("enqueue",)

    @rule(process=processes, job_id=ids, ends=ends)
    def cancel(self, process: int, job_id: str, ends: list[Ended]) -> None:
        self.cancel_one(process, job_id, ends)

    @precondition(lambda self: self.model.running())
    @rule(process=processes, which=pick, ends=ends)
    def cancel_a_running_job(self, process: int, which: int, ends: list[Ended]) -> None:
        running = self.model.running()
        self.cancel_one(process, running[which % len(running)].id, ends)

    def cancel_one(self, process: int, job_id: str, ends: list[Ended]) -> None:
        ended = Ended(job_id, JobState.CANCELLED, b"cancelled", 10_000.0)
        ends = self.aimed(ends, {job_id})
        expected = self.model.cancel(ended, ends)
        assert self.run(self.drivers[process].cancel(ended, ends)) == expected
        self.verbs = ("cancel",)

    @precondition(lambda self: self.model.scheduled())
    @rule(process=processes, which=pick, delay=delays)
    def reschedule(self, process: int, which: int, delay: float) -> None:
        scheduled = self.model.scheduled()
        self.reschedule_one(process, scheduled[which % len(scheduled)].id, delay)

    @rule(process=processes, job_id=ids, delay=delays)
    def reschedule_any(self, process: int, job_id: str, delay: float) -> None:
        self.reschedule_one(process, job_id, delay)

    def reschedule_one(self, process: int, job_id: str, delay: float) -> None:
        delay = self.off_step(delay)
        expected = self.model.reschedule(job_id, delay)
        assert self.run(self.drivers[process].reschedule(job_id, delay, 0.0)) == expected
        self.verbs = ("reschedule", "promote")

    @rule(process=processes, request=requests, step=st.integers(-1, 2))
    def fire(self, process: int, request: Request, step: int) -> None:
        """Fire a slot near the last one; now and then that very one."""
        last = FIRST_SLOT if self.model.last_firing is None else self.model.last_firing[0]
        slot, job = last + 60 * step, self.new_job(request)
        expected = self.model.fire(slot, job)
        for driver in (self.drivers[process], self.drivers[-1]):
            assert self.run(driver.fire(SCHEDULE, slot, job)) == expected
        self.verbs = ("enqueue",)

    @precondition(lambda self: self.model.dead and self.unheard_of())
    @rule(process=processes, which=pick, request=requests)
    def replay(self, process: int, which: int, request: Request) -> None:
        """Replay a dead letter, and send that again; or a job that is none."""
        _, payload, priority, delay, *_ = request
        job = self.new_job((self.unheard_of()[0], payload, priority, delay, [], ""))
        candidates = [*self.model.dead, *self.model.dead, *sorted(self.model.jobs)]
        letter = candidates[which % len(candidates)]
        expected = self.model.replay(letter, job)
        for driver in (self.drivers[process], self.drivers[-1]):
            assert self.run(driver.replay(letter, job)) == expected
        self.verbs = ("enqueue",)

    @rule(process=processes, limit=few)
    def promote(self, process: int, limit: int) -> None:
        self.model.promote(limit)
        self.expect_due_in(self.run(self.drivers[process].promote(limit)))
        self.verbs = ("promote",)

    @precondition(lambda self: self.steps < MOST_STEPS)
    @rule(process=processes)
    def time_passes(self, process: int) -> None:
        self.steps += 1
        self.model.time += STEP
        self.run(self.drivers[process].shift(STEP))
        self.verbs = ()

    # ------------------------------------------------------------------ claims
    @precondition(lambda self: self.model.ready() or self.model.suspects())
    @rule(process=processes, worker=pick, limit=few, suspects=st.integers(0, 3))
    def claim(self, process: int, worker: int, limit: int, suspects: int) -> None:
        self.claim_as(process, self.worker(worker), limit, suspects)

    def claim_as(self, process: int, incarnation: str, limit: int, suspects: int) -> None:
        batch = self.model.batches.get(incarnation, 0) + 1
        priorities, ids = self.model.offered(limit, suspects)
        claimed = self.run(self.drivers[process].claim(incarnation, batch, limit, suspects))
        self.expect_given(claimed.jobs, priorities, ids)
        self.expect_due_in(claimed.due_in)
        self.model.claimed(incarnation, batch, claimed.jobs)
        more = bool(self.model.ready()) or (bool(self.model.suspects()) and len(priorities) < suspects)
        assert claimed.more == more
        self.given += [(incarnation, claim) for claim in claimed.jobs]
        self.verbs = ("claim",)

    @precondition(lambda self: self.model.ready() or self.model.suspects())
    @rule(process=processes, worker=pick, limit=few, plans=plans)
    def claim_and_settle(self, process: int, worker: int, limit: int, plans: list[Plan]) -> None:
        incarnation = self.worker(worker)
        self.claim_as(process, incarnation, limit, 1)
        self.store_and_model_agree()
        if self.model.held(incarnation):
            self.settle_some(process, incarnation, plans)

    @rule(process=processes, worker=pick, limit=few)
    def claim_while_paused(self, process: int, worker: int, limit: int) -> None:
        incarnation = self.worker(worker)
        batch = self.model.batches.get(incarnation, 0) + 1
        self.run(self.drivers[-1].pause())
        claimed = self.run(self.drivers[process].claim(incarnation, batch, limit, 3))
        assert (claimed.jobs, claimed.more) == ([], False)
        self.model.claimed(incarnation, batch, [])
        self.run(self.drivers[-1].resume())
        self.verbs = ()

    @precondition(lambda self: any(worker in self.model.batches for worker in self.workers))
    @rule(process=processes, worker=pick, limit=few)
    def claim_again(self, process: int, worker: int, limit: int) -> None:
        claimers = [each for each in self.workers if each in self.model.batches]
        claimers.sort(key=lambda each: -len(self.model.held(each)))
        incarnation = claimers[worker % min(2, len(claimers))]
        batch = self.model.batches[incarnation]
        claims = self.run(self.drivers[process].claim(incarnation, batch, limit, 3)).jobs
        expected = [job for job in self.model.held(incarnation) if job.batch == batch]
        assert sorted(map(contents, claims)) == sorted(map(contents, expected))
        assert {claim.id: claim.token for claim in claims} == {job.id: job.token for job in expected}
        self.verbs = ()

    @precondition(lambda self: self.model.running())
    @rule(process=processes, worker=pick, plans=plans)
    def settle(self, process: int, worker: int, plans: list[Plan]) -> None:
        holders = sorted({job.incarnation for job in self.model.running()})
        self.settle_some(process, holders[worker % len(holders)], plans)

    def settle_some(self, process: int, incarnation: str, plans: list[Plan]) -> None:
        held = [(job.id, job.token) for job in self.model.held(incarnation)]
        self.settle_as(process, incarnation, [(held[which % len(held)], *rest) for which, *rest in plans])

    @precondition(lambda self: self.model.running())
    @rule(process=processes, worker=pick, outcome=endings | repeats, successors=successors, ends=ends)
    def settle_all(
        self, process: int, worker: int, outcome: Outcome, successors: list[Request], ends: list[Ended]
    ) -> None:
        holders = sorted({job.incarnation for job in self.model.running()})
        incarnation = holders[worker % len(holders)]
        held = [(job.id, job.token) for job in self.model.held(incarnation)]
        self.settle_as(process, incarnation, [(claim, outcome, successors, ends) for claim in held])

    @precondition(lambda self: self.given)
    @rule(process=processes, which=pick, plans=plans)
    def settle_late(self, process: int, which: int, plans: list[Plan]) -> None:
        live = {job.token for job in self.model.running()} | self.model.spent
        lost = [(worker, claim) for worker, claim in self.given if claim.token not in live] or self.given
        incarnation, _ = lost[which % len(lost)]
        once = [(claim.id, claim.token) for worker, claim in lost if worker == incarnation]
        self.settle_as(process, incarnation, [(once[which % len(once)], *rest) for which, *rest in plans])

    @precondition(lambda self: self.model.spent)
    @rule(process=processes, which=pick, plans=plans)
    def settle_twice(self, process: int, which: int, plans: list[Plan]) -> None:
        settled = [(worker, claim) for worker, claim in self.given if claim.token in self.model.spent]
        incarnation, claim = settled[which % len(settled)]
        self.settle_as(process, incarnation, [((claim.id, claim.token), *rest) for _, *rest in plans])

    @precondition(lambda self: self.model.running())
    @rule(process=processes, which=pick, thief=pick, ending=endings)
    def settle_for_another(self, process: int, which: int, thief: int, ending: Finished) -> None:
        running = self.model.running()
        job = running[which % len(running)]
        others = [each for each in (*self.workers, *self.gone, "nobody") if each != job.incarnation]
        incarnation = others[thief % len(others)]
        outcome = addressed(ending, (job.id, job.token), ())
        assert self.run(self.drivers[process].settle(incarnation, [outcome])) == ["lost"]
        self.verbs = ()

    @precondition(lambda self: self.given)
    @rule(process=processes, which=st.lists(pick, min_size=1, max_size=4))
    def release(self, process: int, which: list[int]) -> None:
        incarnation, _ = self.given[which[0] % len(self.given)]
        once = [claim for worker, claim in self.given if worker == incarnation]
        chosen = sorted({once[number % len(once)] for number in which}, key=lambda claim: claim.token)
        claims = {claim.id: claim.token for claim in chosen}
        expected = self.model.release(incarnation, claims.items())
        assert self.run(self.drivers[process].release(incarnation, claims)) == expected
        self.verbs = ("release",)

    # ------------------------------------------------------------------ revocations
    @precondition(lambda self: self.model.jobs)
    @rule(process=processes, which=pick, of_task=st.booleans(), once=st.booleans())
    def revoke(self, process: int, which: int, of_task: bool, once: bool) -> None:
        job_id = sorted(self.model.jobs)[which % len(self.model.jobs)]
        driver, marked = self.drivers[process], f"task:task-of-{job_id}" if of_task else f"job:{job_id}"
        self.run(driver.revoke(marked, once=once))
        (mark,) = self.run(driver.revocations([marked]))
        assert mark is not None
        assert mark == Revocation(marked, 0.0, once, mark.serial)
        assert mark.serial not in self.serials
        self.serials.add(mark.serial)
        self.model.marks[marked] = mark
        self.verbs = ()

    @precondition(lambda self: self.model.marks)
    @rule(process=processes, which=pick)
    def restore(self, process: int, which: int) -> None:
        marked = [*sorted(self.model.marks), "job:unheard-of"][which % (len(self.model.marks) + 1)]
        expected = self.model.marks.pop(marked, None) is not None
        assert self.run(self.drivers[process].restore(marked)) == expected
        self.verbs = ()

    # ------------------------------------------------------------------ leases
    @rule(process=processes, worker=pick)
    def renew(self, process: int, worker: int) -> None:
        incarnation = self.worker(worker)
        assert self.run(self.drivers[process].renew(incarnation)).alive == self.model.renew(incarnation)
        self.run(self.drivers[process].register(incarnation, 99.0, b"other"))
        self.verbs = ()

    @rule(process=processes, worker=pick, batch=st.integers(0, 100))
    def act_without_a_lease(self, process: int, worker: int, batch: int) -> None:
        unleased = [*(each for each in self.gone if each not in self.model.leases), "nobody"]
        incarnation, driver = unleased[worker % len(unleased)], self.drivers[process]
        assert self.run(driver.claim(incarnation, batch, 5, 5)).jobs == []
        assert not self.run(driver.renew(incarnation)).alive
        assert self.run(driver.retire(incarnation)) == 0
        assert self.run(driver.reap(incarnation, batch)) is None
        self.verbs = ()

    @precondition(lambda self: self.workers)
    @rule(worker=pick)
    def crash(self, worker: int) -> None:
        self.leave(self.worker(worker))
        self.verbs = ()

    @precondition(lambda self: self.model.leases)
    @rule(process=processes, worker=pick, retires=st.booleans(), ahead=st.sampled_from([0, 0, 0, 1, -1]))
    def end_a_lease(self, process: int, worker: int, retires: bool, ahead: int) -> None:
        holders_first = sorted(self.model.leases, key=lambda each: not self.model.held(each))
        incarnation = holders_first[worker % min(2, len(holders_first))]
        if retires:
            self.retire(process, incarnation)
        else:
            self.reap(process, incarnation, ahead)

    def retire(self, process: int, incarnation: str) -> None:
        assert self.run(self.drivers[process].retire(incarnation)) == self.model.retire(incarnation)
        self.leave(incarnation)
        self.verbs = ("release",)

    def reap(self, process: int, incarnation: str, ahead: int) -> None:
        """Reap by the counter that was seen, or by one that was seen before or never."""
        counters = {lease.incarnation: lease.counter for lease in self.run(self.drivers[process].leases())}
        expected = self.model.reap(incarnation, self.model.leases[incarnation] + ahead)
        assert self.run(self.drivers[process].reap(incarnation, counters[incarnation] + ahead)) == expected
        if expected is not None:
            self.leave(incarnation)
        self.verbs = ("reap",)

    @rule(process=processes)
    def reopen(self, process: int) -> None:
        self.run(self.drivers[process].close())
        self.drivers[process] = self.run(self.start())
        self.verbs = ()

    # ------------------------------------------------------------------ what always holds
    @invariant()
    def store_and_model_agree(self) -> None:
        view = self.run(look(self.drivers[self.turn % PROCESSES], IDS, [*self.workers, *self.gone]))
        self.turn += 1
        expect_agreement(view, self.model)
        for job_id, after in view.states.items():
            before = self.seen[job_id]
            assert before is after or self.may_move(job_id, before, after), f"{job_id}: {before} to {after}"
        self.seen, self.waited = view.states, self.model.waiting()

    def may_move(self, job_id: str, before: JobState, after: JobState) -> bool:
        """Tell whether what was done may have moved a job; one that waits, or waited in between, follows others."""
        followed = job_id in self.waited or (before is JobState.UNKNOWN and after in TERMINAL)
        follows = followed and not {"settle", "cancel", "release", "reap"}.isdisjoint(self.verbs)
        return follows or any(may_move(verb, before, after) for verb in self.verbs)

    # ------------------------------------------------------------------ steps
    def new_job(self, request: Request) -> NewJob:
        job_id, payload, priority, delay, stages, key = request
        waits = tuple(stage for stage in stages if stage != job_id)
        return NewJob(job_id, f"task-of-{job_id}", payload, priority, self.off_step(delay), unique=key, waits=waits)

    def unheard_of(self) -> list[str]:
        """Return the ids that the store has no trace of."""
        return [job_id for job_id in IDS if self.model.state(job_id) is JobState.UNKNOWN]

    def off_step(self, delay: float) -> float:
        """Put a delay half a step off the clock's, and behind every one before it: no two jobs are due at once."""
        self.schedulings += 1
        return delay and delay - STEP / 2 + self.schedulings / 1_000

    def worker(self, which: int) -> str:
        """Return one of the workers at work; the first three picks hire one."""
        if len(self.workers) < 3 and which % 3 >= len(self.workers):
            self.workers.append(f"worker-{len(self.workers) + len(self.gone)}")
            self.run(self.drivers[0].register(self.workers[-1], 30.0, b"info"))
            self.model.register(self.workers[-1])
        return self.workers[which % len(self.workers)]

    def leave(self, incarnation: str) -> None:
        """Let an incarnation be heard of no more, but in late requests."""
        if incarnation in self.workers:
            self.workers.remove(incarnation)
            self.gone.append(incarnation)

    def settle_as(self, process: int, incarnation: str, plans: list[Any]) -> None:
        outcomes = [
            self.outcome_of(claim, outcome, [self.new_job(request) for request in apart(successors)], ends)
            for claim, outcome, successors, ends in plans
        ]
        linked = any(outcome.successors or getattr(outcome, "ends", ()) for outcome in outcomes)
        linked |= any(outcome.token in self.model.asked for outcome in outcomes)
        for step in [[outcome] for outcome in outcomes] if linked else [outcomes]:
            expected = [self.model.settle(incarnation, outcome) for outcome in step]
            assert self.run(self.drivers[process].settle(incarnation, step)) == expected
        self.verbs = ("settle", "enqueue")

    def outcome_of(
        self, claim: tuple[str, int], outcome: Outcome, successors: list[NewJob], ends: list[Ended]
    ) -> Outcome:
        """Return the outcome of a claim; what it ends is not what it goes on with."""
        spared = {claim[0], *(job.id for job in successors), *(stage for job in successors for stage in job.waits)}
        others = tuple(self.aimed(ends, spared))
        marks = [given.revoked for _, given in self.given if given.token == claim[1]]
        ran = outcome.state is JobState.SUCCEEDED if isinstance(outcome, Finished) else True
        consumes = None if ran or not marks else marks[0]
        return addressed(self.timed(outcome), claim, tuple(successors), others, consumes)

    def aimed(self, ends: list[Ended], spared: set[str]) -> list[Ended]:
        """Aim the first of some ends at a job that waits, if there is one."""
        first = [
            Ended(waiting, each.state, each.outcome)
            for each, waiting in zip(ends, sorted(self.model.waiting()), strict=False)
        ]
        by_id = {each.id: each for each in [*ends, *first[:1]]}
        return [each for each in by_id.values() if each.id not in spared]

    def timed(self, outcome: Outcome) -> Outcome:
        if isinstance(outcome, Again):
            return Again("", 0, outcome.payload, self.off_step(outcome.delay), counts=outcome.counts)
        return outcome

    def expect_due_in(self, due_in: float | None) -> None:
        assert (None if due_in is None else due_in == 0) == self.model.due_now()

    def expect_given(self, claims: list[Claim], priorities: list[int], others: list[str]) -> None:
        suspects = claims[: len(priorities)]
        assert [claim.priority for claim in suspects] == priorities
        assert all(claim.deliveries for claim in suspects)
        assert places_of(ids_of(claims[len(priorities) :]), self.model) == places_of(others, self.model)
        for claim in claims:
            job = self.model.jobs[claim.id]
            assert job.state is JobState.QUEUED
            assert (contents(claim), claim.deferrals) == (contents(job), job.deferrals)
            assert claim.revoked == self.model.mark_of(claim.id)
