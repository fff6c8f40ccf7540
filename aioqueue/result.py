"""Handles on the values of jobs, awaitable."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Generic, TypeAlias, TypeVar, overload

from msgspec import Struct, structs

from aioqueue.drivers.base import CONTROL_TOPIC, Driver, Ended, Settled
from aioqueue.errors import AioqueueError, ResultsDisabled, ResultTimeout, ResultUnknown, SerializationError
from aioqueue.ids import made_at
from aioqueue.options import Seconds, instant, seconds
from aioqueue.outcome import Cause, Failure, decode_failure, encode_failure, exception_of
from aioqueue.record import NewerFormat, Unreadable, decode_record, legible_later_ids
from aioqueue.serializer import Value
from aioqueue.session import Session
from aioqueue.states import TERMINAL, JobState

if TYPE_CHECKING:
    from aioqueue.inbox import Event

R_co = TypeVar("R_co", covariant=True)
All_co = TypeVar("All_co", covariant=True)

OpenSession: TypeAlias = Callable[[], Awaitable[Session]]


REVOCATION_TTL: Final = 7 * 86_400.0
_ITS_END_CAN_BE_TOLD: Final = TERMINAL | {JobState.RUNNING, JobState.UNKNOWN}


class ResultSource(Struct, frozen=True):
    """Where the results of a task come from: the queue's session, the task's return type, and whether any are kept."""

    session: OpenSession
    returns: Value
    kept: bool
    ttl: float
    task: str = ""


class Result(Generic[R_co]):
    """The value a job will have. Await it, as often as you like; reading keeps it until `result_ttl`.

    Awaiting spans retries and answers with the final outcome: the value, or `TaskException` and its kin. It raises
    `ResultUnknown` for a job that the store has never heard of or has forgotten, `ResultsDisabled` where none is kept.
    """

    __slots__ = ("_id", "_settled", "_source")

    def __init__(self, job_id: str, source: ResultSource) -> None:
        self._id = job_id
        self._source = source
        self._settled: Settled | None = None

    @property
    def id(self) -> str:
        """The job's id."""
        return self._id

    @property
    def source(self) -> ResultSource:
        """Where the value comes from."""
        return self._source

    def __repr__(self) -> str:
        return f"<Result {self._id}>"

    def __await__(self) -> Generator[object, None, R_co]:
        return self.get().__await__()

    async def get(self, timeout: float | None = None) -> R_co:
        """Return the value, waiting up to `timeout` seconds: None waits for as long as it takes, 0 only asks.

        Raises `ResultTimeout` when the time is over; the job is left alone. Cancelling the wait leaves it alone too.
        """
        if not self._source.kept:
            raise ResultsDisabled(
                f"job {self._id}: results are off for this task or queue, so there is none to wait for"
            )
        if self._settled is None:
            self._settled = await self._wait(timeout)
        return self._value_of(self._settled)

    def hear(self, settled: Settled) -> None:
        """Take what the store has told of the job; that it knows none may be said too early."""
        if settled.state is not JobState.UNKNOWN:
            self._settled = settled

    async def ready(self) -> bool:
        """Whether the job has finished, in whatever way, and the store still knows."""
        return self._settled is not None or await self._ask() is not None

    async def state(self) -> JobState:
        """Return where the job is in its life; one look-up."""
        if self._settled is not None:
            return self._settled.state
        session = await self._source.session()
        return await session.driver.state(self._id)

    def reset(self) -> None:
        """Drop what this handle has cached: the next look asks the store."""
        self._settled = None

    async def revoke(self) -> None:
        """Keep the job from running, if it is not running yet; it stands in the queue until a worker drops it.

        A job that is there stays revoked until it ends, however late; one that is not there yet for a week.
        """
        session = await self._source.session()
        await session.driver.revoke(f"job:{self._id}", ttl=REVOCATION_TTL)

    async def restore(self) -> bool:
        """Take back `revoke`; answer whether the job was revoked and had not been dropped yet."""
        session = await self._source.session()
        return await session.driver.restore(f"job:{self._id}")

    async def is_revoked(self) -> bool:
        """Whether the job, or its task, is revoked; looking uses up no revocation that holds once."""
        session = await self._source.session()
        task = self._source.task or await _task_of(session.driver, self._id)
        return any(await session.driver.revocations([f"job:{self._id}", f"task:{task}"]))

    async def cancel(self) -> bool:
        """End the job now: a queued or scheduled one at once, a running coroutine or process body is stopped.

        A thread cannot be stopped: it is left behind, and its outcome dropped. Answers False for a job that has
        finished or is unknown. Whoever waits gets `TaskCancelled`, of the later stages of a pipeline too.
        """
        session = await self._source.session()
        while (stored := await session.driver.job(self._id)) is None:
            state = await self.state()
            if state is JobState.UNKNOWN or state in TERMINAL:
                return False
            if state is JobState.SCHEDULED:  # it waits, and has no record of its own
                await self.revoke()
                if await session.driver.job(self._id) is None:  # else its turn came before the mark
                    return True
        failure = encode_failure(Failure(Cause.CANCELLED, "cancelled"))
        ended = Ended(self._id, JobState.CANCELLED, failure, self._source.ttl)
        ends = [structs.replace(ended, id=later) for later in _later_ids(stored.payload)]
        answer = await session.driver.cancel(ended, ends)
        if answer == "asked":
            await session.driver.publish(CONTROL_TOPIC, self._id.encode())
        return answer in ("cancelled", "asked")

    async def reschedule(self, *, delay: Seconds | None = None, eta: datetime | None = None) -> Result[R_co]:
        """Give a scheduled job another due time, in seconds from now or as a datetime (a naive one is local).

        Raises `ValueError` if the job is not scheduled (any more).
        """
        if (delay is None) == (eta is None):
            raise TypeError("reschedule() takes delay= or eta=, one of them")
        wait = 0.0 if delay is None else seconds("delay", delay)
        session = await self._source.session()
        if not await session.driver.reschedule(self._id, wait, 0.0 if eta is None else instant("eta", eta)):
            raise ValueError(f"job {self._id} {await self._standing()}: only a scheduled job has a due time to change")
        return self

    def events(self, after: int = 0) -> AsyncIterator[Event]:
        """Yield the job's progress and state changes, and end when it has finished.

        Progress is numbered from 1 and kept: `after` is the last number seen, so that a reader can come back. State
        changes are told from now on. A store that goes away meanwhile is waited for. In immediate mode nobody is about
        to run a delayed job: its progress is told, and then `ResultTimeout` raised.
        """
        from aioqueue.news import follow  # noqa: PLC0415 -- most processes never ask

        return follow(self._source.session, self._id, self._source.task, after, self._endless)

    async def _standing(self) -> str:
        """Return why the job has no due time."""
        state = await self.state()
        driver = (await self._source.session()).driver
        waits = state is JobState.SCHEDULED and await driver.job(self._id) is None
        return "waits for another job to end" if waits else f"is {state}"

    async def _ask(self) -> Settled | None:
        session = await self._source.session()
        (settled,) = await session.driver.results([self._id])
        return settled

    async def _wait(self, timeout: float | None) -> Settled:
        if timeout is not None and timeout <= 0:
            return await self._ask() or await self._ask_again(await self.state())
        try:
            async with asyncio.timeout(timeout):
                session = await self._source.session()
                if session.immediate and (state := await self.state()) is not JobState.RUNNING:
                    return await self._ask() or await self._ask_again(state)
                settled = await session.listener.wait(self._id)
        except ResultTimeout:
            raise
        except TimeoutError:
            raise ResultTimeout(
                f"job {self._id} has no result after {timeout:g} s; waiting no longer has not cancelled it"
            ) from None
        if settled.state is JobState.UNKNOWN:
            raise await self._unknown()
        return settled

    async def _ask_again(self, state: JobState) -> Settled:
        """Refuse to wait; but a job that has ended between two looks has its result now."""
        settled = await self._ask() if state in TERMINAL else None
        if settled is not None:
            return settled
        if state is JobState.UNKNOWN or state in TERMINAL:
            raise await self._unknown()
        raise await self._not_yet(state)

    async def _endless(self) -> ResultTimeout | None:
        """Return why there is no end to wait for: in immediate mode nobody is about to run what is not running."""
        session = await self._source.session()
        if not session.immediate or (state := await self.state()) in _ITS_END_CAN_BE_TOLD:
            return None
        return await self._not_yet(state)

    async def _not_yet(self, state: JobState) -> ResultTimeout:
        stored = await (await self._source.session()).driver.job(self._id)
        due = (
            f", due {datetime.fromtimestamp(stored.due_at, UTC):%Y-%m-%d %H:%M:%S}Z" if stored and stored.due_at else ""
        )
        return ResultTimeout(f"job {self._id} is {state}{due}: there is no result yet")

    def _value_of(self, settled: Settled) -> R_co:
        if settled.distrust:
            said = f"the store says that job {self._id} has {settled.state}"
            raise SerializationError(f"{said}, but its outcome was not read: {settled.distrust}")
        if settled.state is not JobState.SUCCEEDED:
            raise exception_of(self._id, decode_failure(settled.outcome))
        if not settled.outcome:
            raise ResultUnknown(f"job {self._id} has succeeded, but its value has left the store or was not kept")
        value: R_co = self._source.returns.decode(settled.outcome)
        return value

    async def _unknown(self) -> ResultUnknown:
        made, now = made_at(self._id), await (await self._source.session()).driver.now()
        if made is not None and made >= now - self._source.ttl:
            return ResultUnknown(f"the store has never heard of job {self._id}")
        # An id that looks old, or that somebody chose, does not say whether there ever was a job of it.
        return ResultUnknown(
            f"there is no result of job {self._id}: it has left the store (result_ttl), or there never was such a job"
        )


class ResultGroup(Generic[R_co]):
    """Results in the order of their jobs; awaits to the list of their values.

    `results` may be an iterator, which is read when someone first looks: many handles are never looked at.
    """

    __slots__ = ("_given",)

    def __init__(self, results: Iterable[Result[R_co]]) -> None:
        self._given = results

    @property
    def _results(self) -> list[Result[R_co]]:
        if not isinstance(self._given, list):
            self._given = list(self._given)
        return self._given

    def __repr__(self) -> str:
        return f"<ResultGroup of {len(self._results)}>"

    def __await__(self) -> Generator[object, None, list[R_co]]:
        return self.get().__await__()

    async def get(self, timeout: float | None = None) -> list[R_co]:
        """Return all values, or raise the first error in the order of the jobs; `ResultTimeout` after `timeout` s."""
        if timeout is not None and timeout <= 0:
            return [await result.get(timeout=0) for result in self._results]
        try:
            async with asyncio.timeout(timeout):
                endings = await asyncio.gather(*(result.get() for result in self._results), return_exceptions=True)
        except TimeoutError:
            raise ResultTimeout(
                f"not all of {len(self._results)} results after {timeout:g} s; waiting no longer has cancelled no job"
            ) from None
        values: list[R_co] = []
        for ending in endings:
            if isinstance(ending, BaseException):
                raise ending
            values.append(ending)
        return values

    def __len__(self) -> int:
        return len(self._results)

    def __iter__(self) -> Iterator[Result[R_co]]:
        return iter(self._results)

    @overload
    def __getitem__(self, index: int, /) -> Result[R_co]: ...
    @overload
    def __getitem__(self, index: slice, /) -> ResultGroup[R_co]: ...
    def __getitem__(self, index: int | slice, /) -> Result[R_co] | ResultGroup[R_co]:
        if isinstance(index, slice):
            return ResultGroup(self._results[index])
        return self._results[index]

    async def as_completed(self) -> AsyncIterator[Result[R_co]]:
        """Yield each result when its job has finished, in whatever way; awaiting it then answers at once."""
        waits = {asyncio.ensure_future(_finish(result)) for result in self._results}
        try:
            while waits:
                done, waits = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
                for wait in done:
                    yield wait.result()
        finally:
            for wait in waits:
                wait.cancel()
            await asyncio.gather(*waits, return_exceptions=True)


class PipelineResult(ResultGroup[All_co], Generic[All_co, R_co]):
    """The results of a pipeline's stages, in order."""

    __slots__ = ()

    @property
    def last(self) -> Result[R_co]:
        """The result of the last stage."""
        last: Result[Any] = self[len(self) - 1]
        return last


def _later_ids(payload: bytes) -> tuple[str, ...]:
    """Return the ids of the jobs that end with one that has this payload."""
    try:
        return decode_record(payload).later_ids
    except (NewerFormat, Unreadable):
        return legible_later_ids(payload)


async def _task_of(driver: Driver, job_id: str) -> str:
    stored = await driver.job(job_id)
    return stored.task if stored is not None else ""


async def _finish(result: Result[R_co]) -> Result[R_co]:
    with suppress(AioqueueError):
        await result.get()
    return result
