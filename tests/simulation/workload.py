"""What clients do in a simulation: drawn from the seed, each deed repeated until it is done."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import random
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeAlias

from msgspec import Struct

from aioqueue import Result, TaskException, chord, group
from aioqueue.canvas.pipeline import Pipeline
from aioqueue.errors import StoreUnavailable
from tests.simulation import application as app
from tests.simulation.history import History
from tests.simulation.process import Process, running_process

Doing: TypeAlias = Callable[[], Awaitable[None]]

MOST_TRIES: Final = 30
PAUSE: Final = 0.7
LONGEST_DELAY: Final = 40.0


class Deed(Struct, frozen=True):
    """Something that a client does at a time, in virtual seconds from the beginning."""

    at: float
    name: str
    do: Doing


class Canvas(Struct, frozen=True):
    """What is enqueued in one step: it, the ids of its jobs, whose value is handed to whom, and its handles."""

    made: Any
    handles: tuple[Result[Any], ...]
    hands: dict[str, tuple[str, ...]] = {}

    @property
    def ids(self) -> tuple[str, ...]:
        return tuple(handle.id for handle in self.handles)


class Workload:
    """Draws deeds for clients, over so many seconds. `canvases` are all that any of them may enqueue."""

    def __init__(self, chance: random.Random, history: History, seconds: float) -> None:
        self.canvases: list[Canvas] = []
        self._chance = chance
        self._history = history
        self._seconds = seconds
        self._numbers = iter(range(1, 1_000_000))
        self._makers = (
            [self._plain] * 5 + [self._failing] * 3 + [self._scheduled, self._pipeline, self._group, self._chord]
        )
        self._makers += [self._chord_of_pipelines, self._special, self._unique, self._poison]

    def deeds(self) -> list[Deed]:
        """Return what one client does, in order of time."""
        chance = self._chance
        enqueues = [self._enqueue() for _ in range(chance.randint(4, 12))]
        others = [self._other() for _ in range(chance.randint(0, 4))]
        return sorted([*enqueues, *others], key=lambda deed: deed.at)

    # ------------------------------------------------------------------ jobs
    def _enqueue(self) -> Deed:
        canvas = self._chance.choice(self._makers)()
        self.canvases.append(canvas)
        waits = self._chance.random() < 0.5

        async def do() -> None:
            result = await app.queue.enqueue(canvas.made)
            ids = (result.id,) if isinstance(result, Result) and len(canvas.ids) == 1 else canvas.ids
            self._history.acknowledge(*ids)
            if waits:
                client = running_process.get()
                for handle in canvas.handles if len(canvas.ids) > 1 else (result,):
                    client.waits.append(asyncio.create_task(insist(client, "wait", lambda h=handle: learn(h))))

        return Deed(self._when(), f"enqueue {' '.join(canvas.ids)}", do)

    def _named(self) -> str:
        return f"job-{next(self._numbers)}"

    def _length(self) -> float:
        return round(20 * self._chance.random() ** 3, 3)

    def _when(self) -> float:
        return round(self._chance.uniform(0, self._seconds), 3)

    def _nap(self, **options: Any) -> Any:
        if self._chance.random() < 0.3:
            options["priority"] = self._chance.randint(-8, 7)
        return app.nap.options(id=self._named(), **options)

    def _plain(self) -> Canvas:
        return _of(self._nap().s(self._length()))

    def _scheduled(self) -> Canvas:
        return _of(self._nap(delay=self._chance.uniform(1, LONGEST_DELAY)).s(self._length()))

    def _failing(self) -> Canvas:
        if self._chance.random() < 0.5:
            return _of(app.fail.options(id=self._named()).s(self._length() / 4))
        return _of(app.falter.options(id=self._named()).s(self._chance.randint(1, 4)))

    def _special(self) -> Canvas:
        tasks = [app.overrun, app.once, app.alone, app.parent]
        if self._chance.random() < 0.3:
            return _of(self._nap(expires=self._chance.uniform(0.5, 20)).s(self._length()))
        return _of(self._chance.choice(tasks).options(id=self._named()).s(self._length() / 2))

    def _poison(self) -> Canvas:
        return _of(app.poison.options(id=self._named()).s())

    def _unique(self) -> Canvas:
        return _of(self._nap(unique=f"key-{self._chance.randint(1, 2)}").s(self._length()))

    def _stages(self) -> Any:
        first = app.fail if self._chance.random() < 0.15 else app.nap
        head = first.options(id=self._named()).s(self._length() / 4)
        return head.then(app.stage, self._length() / 4).then(app.stage, 0.1)

    def _pipeline(self) -> Canvas:
        return _of(self._stages())

    def _group(self) -> Canvas:
        members = [self._nap().s(self._length() / 2) for _ in range(self._chance.randint(2, 4))]
        return Canvas(group(members), tuple(Result(member.id, member.source) for member in members))

    def _chord(self) -> Canvas:
        members = [self._nap().s(self._length() / 3) for _ in range(self._chance.randint(2, 4))]
        return _of_chord(members, [member.id for member in members])

    def _chord_of_pipelines(self) -> Canvas:
        members = [self._stages(), self._nap().s(self._length() / 4)]
        return _of_chord(members, [member.id for member in members])

    # ------------------------------------------------------------------ everything else
    def _other(self) -> Deed:
        at = self._when()
        kinds = [self._revoke, self._revoke, self._cancel, self._cancel, self._pause, self._steer, self._look]
        return self._chance.choice(kinds)(at)

    def _some_id(self) -> str:
        return f"job-{self._chance.randint(1, 30)}"

    def _revoke(self, at: float) -> Deed:
        if self._chance.random() < 0.3:
            return Deed(at, "revoke stage once", lambda: app.stage.revoke(revoke_once=True))
        job_id = self._some_id()
        handle = app.queue.result(job_id)
        if self._chance.random() < 0.2:
            return Deed(at, f"restore {job_id}", lambda: _answered(handle.restore()))
        return Deed(at, f"revoke {job_id}", handle.revoke)

    def _cancel(self, at: float) -> Deed:
        job_id = self._some_id()
        return Deed(at, f"cancel {job_id}", lambda: _answered(app.queue.result(job_id).cancel()))

    def _pause(self, at: float) -> Deed:
        return (
            Deed(at, "pause", app.queue.pause) if self._chance.random() < 0.3 else Deed(at, "resume", app.queue.resume)
        )

    def _steer(self, at: float) -> Deed:
        if self._chance.random() < 0.5:
            seconds = self._chance.uniform(1, 60)
            return Deed(at, f"shift {seconds:.3f}", lambda: _shift(seconds))
        handle, delay = app.queue.result(self._some_id()), self._chance.uniform(0, LONGEST_DELAY)
        return Deed(at, f"reschedule {handle.id}", lambda: _reschedule(handle, delay))

    def _look(self, at: float) -> Deed:
        return Deed(at, "look at the events", _look_at_events)


def _of(made: Any) -> Canvas:
    """Return a job or a pipeline as what is enqueued."""
    handles = tuple(made.results()) if isinstance(made, Pipeline) else (Result(made.id, made.source),)
    ids = [handle.id for handle in handles]
    return Canvas(made, handles, {later: (earlier,) for earlier, later in itertools.pairwise(ids)})


def _of_chord(members: list[Any], ids: list[str]) -> Canvas:
    made = chord(members, app.total)
    parts = [_of(member) for member in members]
    hands = {later: earlier for part in parts for later, earlier in part.hands.items()}
    handles = (*(handle for part in parts for handle in part.handles), made.results())
    return Canvas(made, handles, {**hands, made.id: tuple(ids)})


async def _answered(asking: Awaitable[object]) -> None:
    await asking


async def _shift(seconds: float) -> None:
    session = await app.queue.session()
    await session.driver.shift(seconds)


async def _reschedule(handle: Result[Any], delay: float) -> None:
    with contextlib.suppress(ValueError):  # it is not scheduled now
        await handle.reschedule(delay=delay)


async def _look_at_events() -> None:
    async def listen() -> None:
        async for _ in app.queue.events():
            pass

    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(listen(), 20)


async def learn(handle: Result[Any]) -> None:
    """Wait for an outcome, and write it down."""
    history = running_process.get().history
    try:
        outcome = await handle.get()
    except TaskException as error:
        outcome = type(error).__name__
    history.learn(handle.id, str(outcome))


async def insist(client: Process, what: str, do: Doing) -> None:
    """Do something again and again until it is done: the store may be away, and whoever does it be interrupted."""
    for _ in range(MOST_TRIES):
        attempt = asyncio.create_task(do())
        client.attempts[attempt] = None
        await asyncio.wait({attempt})
        client.attempts.pop(attempt, None)
        if not attempt.cancelled() and not isinstance(attempt.exception(), StoreUnavailable):
            error = attempt.exception()
            if error is not None:
                client.history.complain(f"{client.name} cannot {what}: {error!r}")
            return
        client.history.tell(client.name, "tries again:", what)
        await asyncio.sleep(PAUSE)
    client.history.tell(client.name, "gives up:", what)
