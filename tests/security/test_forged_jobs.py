"""Of a queue with keys, nothing runs and nothing is read that no key has signed for just that job."""

from __future__ import annotations

import asyncio
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from aioqueue import (
    ConfigurationError,
    JsonSerializer,
    MsgpackSerializer,
    PickleSerializer,
    Queue,
    TaskException,
    chord,
)
from aioqueue import seal as sealing
from aioqueue.drivers.base import Membership
from aioqueue.record import FORMAT, Record, encode_record
from aioqueue.seal import Keys
from aioqueue.serializers import Serializer
from aioqueue.signed import Seals
from tests.core.stores import MakeQueue
from tests.security.intruder import Trap, intruder_at

pytestmark = pytest.mark.asyncio

KEY = "the key that all processes of this queue have"
OTHER_KEY = "a key that somebody else has made up himself"
SIGNING = [MsgpackSerializer, JsonSerializer, PickleSerializer]


def seals(queue: Queue, key: str = KEY, name: str = "") -> Seals:
    return Seals(Keys([key]), queue.serializer.name, name or queue.name)


def trapped_record(task: str, trap: Trap, **said: Any) -> bytes:
    pickled = pickle.dumps({"n": trap})
    return encode_record(Record(FORMAT, task, pickled, **said))


def flipped(sealed: bytes, position: int) -> bytes:
    """Return these bytes with one bit changed."""
    changed = bytearray(sealed)
    changed[position] ^= 1
    return bytes(changed)


FORGERIES: dict[str, Callable[[Seals, Seals, str, bytes], bytes]] = {
    "empty": lambda good, evil, job_id, record: b"",
    "unsigned": lambda good, evil, job_id, record: record,
    "bare pickle": lambda good, evil, job_id, record: msgspec.msgpack.decode(record)["a"],
    "wrong key": lambda good, evil, job_id, record: evil.job(job_id, record),
    "another job's": lambda good, evil, job_id, record: good.job("another", record),
    "an outcome": lambda good, evil, job_id, record: good.value(job_id, record),
    "only a mark": lambda good, evil, job_id, record: good.job(job_id, record)[:4],
    "no signature": lambda good, evil, job_id, record: good.job(job_id, record)[:12] + record,
    "half a signature": lambda good, evil, job_id, record: good.job(job_id, record)[:20],
    "signature alone": lambda good, evil, job_id, record: good.job(job_id, record)[:44],
    "cut": lambda good, evil, job_id, record: good.job(job_id, record)[:-1],
    "longer": lambda good, evil, job_id, record: good.job(job_id, record) + b"\0",
    "key id changed": lambda good, evil, job_id, record: flipped(good.job(job_id, record), 5),
    "first of signature changed": lambda good, evil, job_id, record: flipped(good.job(job_id, record), 12),
    "last of signature changed": lambda good, evil, job_id, record: flipped(good.job(job_id, record), 43),
    "body changed": lambda good, evil, job_id, record: flipped(good.job(job_id, record), -1),
    "signature taken from another body": lambda good, evil, job_id, record: good.job(job_id, b"")[:44] + record,
}


@pytest.mark.parametrize("forge", FORGERIES.values(), ids=FORGERIES)
async def test_a_forged_pickle_is_never_unpickled_and_a_dead_letter_at_once(
    memory_queue_with: Callable[..., Queue], forge: Callable[..., bytes], trap: Trap
) -> None:
    queue = memory_queue_with(PickleSerializer(keys=[KEY]))
    ran: list[object] = []

    @queue.task(name="body", retries=5)
    async def body(n: object) -> object:
        ran.append(n)
        return n

    async with queue, intruder_at(queue) as intruder:
        record = trapped_record("body", trap, retries=5)
        forged = forge(seals(queue), seals(queue, OTHER_KEY), "forged", record)
        await intruder.put(forged, "body", "forged")
        async with queue.worker():
            with pytest.raises(TaskException, match=r"cannot be read: it(s signature| is not signed| is signed with)"):
                await queue.result("forged").get(timeout=5)
            assert await body.call(1) == 1
        (letter,) = await queue.dead()
        assert letter.id == "forged" and "cannot be read" in letter.reason
    assert ran == [1]
    assert not trap.is_sprung


async def test_the_trap_springs_where_somebody_with_a_key_has_set_it(
    memory_queue_with: Callable[..., Queue], trap: Trap
) -> None:
    """Else the test above would show nothing."""
    queue = memory_queue_with(PickleSerializer(keys=[KEY]))

    @queue.task(name="body")
    async def body(n: object) -> None: ...

    async with queue, intruder_at(queue) as intruder:
        await intruder.put(seals(queue).job("forged", trapped_record("body", trap)), "body", "forged")
        async with queue.worker():
            await queue.result("forged").get(timeout=5)
    assert trap.is_sprung


@pytest.mark.parametrize("serializer", SIGNING)
async def test_a_record_that_was_moved_is_refused_on_every_store(
    make_queue: MakeQueue, serializer: Callable[..., Serializer]
) -> None:
    queue = make_queue(serializer=serializer(keys=[KEY]))
    ran: list[str] = []

    @queue.task(name="pay")
    async def pay(to: str) -> None:
        ran.append(to)

    @queue.task(name="drop")
    async def drop(to: str) -> None:
        ran.append(f"dropped {to}")

    async with queue, intruder_at(queue) as intruder:
        genuine = await pay("alice")
        record = await intruder.payload(genuine.id)
        await intruder.put(record, "pay", "twice")
        async with queue.worker():
            with pytest.raises(TaskException, match="made for something else"):
                await queue.result("twice").get(timeout=5)
            await genuine.get(timeout=5)
        assert ran == ["alice"]
        await queue.flush()
        await intruder.put(record, "drop", genuine.id)
        async with queue.worker():
            with pytest.raises(TaskException, match="it calls the task 'pay', while the store says 'drop'"):
                await queue.result(genuine.id).get(timeout=5)
    assert ran == ["alice"]


async def test_a_record_is_of_its_queue(make_queue: MakeQueue, store_url: str) -> None:
    serializer = MsgpackSerializer(keys=[KEY])
    queue = make_queue(serializer=serializer)
    other = Queue(store_url, name=f"{queue.name}-other", serializer=serializer)
    ran: list[str] = []
    for each in (queue, other):

        @each.task(name="body")
        async def body(where: str = each.name) -> None:
            ran.append(where)

        task = body

    async with queue, other, intruder_at(other) as here, intruder_at(queue) as there:
        result = await task()
        await there.put(await here.payload(result.id), "body", result.id)
        async with queue.worker():
            with pytest.raises(TaskException, match="made for something else"):
                await queue.result(result.id).get(timeout=5)
    assert ran == []


@pytest.mark.parametrize("serializer", SIGNING)
async def test_what_a_retry_stores_is_signed_too(
    memory_queue_with: Callable[..., Queue], serializer: Callable[..., Serializer], trap: Trap
) -> None:
    queue = memory_queue_with(serializer(keys=[KEY]))
    ran: list[int] = []

    @queue.task(name="body", retries=2)
    async def body(n: int) -> int:
        ran.append(n)
        if len(ran) < 3:
            raise ValueError
        return n

    async with queue, intruder_at(queue) as intruder:
        async with queue.worker():
            assert await body.call(7) == 7
        result = await body(8)
        await intruder.put_again(result.id, trapped_record("body", trap))
        async with queue.worker():
            with pytest.raises(TaskException, match="not signed"):
                await result.get(timeout=5)
    assert ran == [7, 7, 7]
    assert not trap.is_sprung


@pytest.mark.parametrize("serializer", SIGNING)
async def test_what_follows_a_forged_stage_ends_with_it(
    memory_queue_with: Callable[..., Queue], serializer: Callable[..., Serializer]
) -> None:
    queue = memory_queue_with(serializer(keys=[KEY]))

    @queue.task
    async def add(a: int, b: int) -> int:
        return a + b

    async with queue, intruder_at(queue) as intruder:
        results = await queue.enqueue(add.s(1, 2).then(add, 3).then(add, 4))
        await intruder.put_again(results[0].id, flipped(await intruder.payload(results[0].id), 43))
        async with queue.worker():
            for result in results:
                with pytest.raises(TaskException, match="signature does not match"):
                    await result.get(timeout=5)


@pytest.mark.parametrize("serializer", SIGNING)
@pytest.mark.parametrize("forgery", ["unsigned", "of another job", "of another place", "of a failure"])
async def test_a_chord_takes_only_the_values_of_its_members(
    memory_queue_with: Callable[..., Queue], serializer: Callable[..., Serializer], forgery: str, trap: Trap
) -> None:
    queue = memory_queue_with(serializer(keys=[KEY]))
    given: list[object] = []

    @queue.task
    async def value(n: int) -> int:
        if n < 0:
            raise ValueError
        return n

    @queue.task
    async def total(values: list[int]) -> int:
        given.append(values)
        return sum(values)

    async with queue, intruder_at(queue) as intruder:
        async with queue.worker():
            alone, failed = await value(1_000), await value(-1)
            await alone
            with pytest.raises(TaskException):
                await failed
        first, second = value.s(1), value.s(2)
        result = await queue.enqueue(chord([first, second], total))
        forged = pickle.dumps(trap)
        if forgery == "of another job":
            forged = await intruder.outcome(alone.id)
        if forgery == "of a failure":
            forged = await intruder.outcome(failed.id)
        if forgery == "of another place":
            await intruder.end(second.id, b"", member=None)  # so that only the first one is run
            async with queue.worker(), asyncio.timeout(5):
                await queue.result(first.id)
            forged = await intruder.outcome(first.id)
            again = await queue.enqueue(chord([value.s(1), (third := value.s(3))], total))
            await intruder.end(third.id, forged, member=Membership(again.id, 1))
            result = again
        else:
            await intruder.end(second.id, forged, member=Membership(result.id, 1))
        async with queue.worker():
            with pytest.raises(TaskException, match="of value 1 of its chord"):
                await result.get(timeout=5)
    assert given == []
    assert not trap.is_sprung


# ---------------------------------------------------------------- dead letters
@pytest.mark.parametrize("serializer", SIGNING)
async def test_a_forged_dead_letter_is_not_signed_by_a_replay(
    memory_queue_with: Callable[..., Queue], serializer: Callable[..., Serializer], trap: Trap
) -> None:
    queue = memory_queue_with(serializer(keys=[KEY]))

    @queue.task(name="body")
    async def body(n: int) -> None: ...

    async with queue, intruder_at(queue) as intruder:
        forged = trapped_record("body", trap)
        await intruder.put(forged, "body", "forged")
        async with queue.worker():
            with pytest.raises(TaskException):
                await queue.result("forged").get(timeout=5)
        with pytest.raises(LookupError, match="not run again: it is not signed"):
            await queue.replay("forged")
        assert len(await queue.replay_all()) == 0
        assert [letter.id for letter in await queue.dead()] == ["forged"]
        assert await intruder.payload("forged") == forged
    assert not trap.is_sprung


# ---------------------------------------------------------------- keys
@pytest.mark.parametrize("serializer", SIGNING)
async def test_keys_are_rotated_without_losing_a_job(
    make_queue: MakeQueue, serializer: Callable[..., Serializer]
) -> None:
    """The old key signs; both verify; the new one signs; the old one is removed."""
    old, new = "the old key of this queue", "the new key of this queue"
    results = []
    for keys in ([old], [old, new], [new, old]):
        queue = make_queue(serializer=serializer(keys=keys))
        task = queue.task(name="body")(_echo)
        async with queue:
            results.append((await task(len(results))).id)
            later = (await task.options(delay=1_000)(9)).id
    queue = make_queue(serializer=serializer(keys=[new, old]))
    queue.task(name="body")(_echo)
    async with queue, queue.worker():
        for number, job_id in enumerate(results):
            assert await queue.result(job_id).get(timeout=5) == number
    queue = make_queue(serializer=serializer(keys=[new]))
    queue.task(name="body")(_echo)
    async with queue, queue.worker():
        await (await queue.session()).driver.reschedule(later, 0.0, 0.0)
        assert await queue.result(later).get(timeout=5) == 9


@pytest.mark.parametrize("serializer", SIGNING)
async def test_a_key_that_was_removed_verifies_nothing_until_it_is_back(
    make_queue: MakeQueue, serializer: Callable[..., Serializer]
) -> None:
    old, new = "the old key of this queue", "the new key of this queue"
    before, after, both = (make_queue(serializer=serializer(keys=keys)) for keys in ([old], [new], [new, old]))
    ran: list[int] = []

    async def body(n: int) -> int:
        ran.append(n)
        return n

    tasks = [queue.task(name="body")(body) for queue in (before, after, both)]
    async with before, after, both:
        result = await tasks[0](1)
        async with after.worker():
            with pytest.raises(TaskException, match=r"signed with the key [0-9a-f]{16}, which is not among"):
                await after.result(result.id).get(timeout=5)
            assert await tasks[1].call(2) == 2
        assert ran == [2]
        with pytest.raises(LookupError, match="not among those of this queue"):
            await after.replay(result.id)
        again = await both.replay(result.id)
        async with both.worker():
            assert await again.get(timeout=5) == 1


async def test_signatures_are_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[tuple[bytes, bytes]] = []

    def compare(mine: bytes, theirs: bytes) -> bool:
        compared.append((mine, theirs))
        return mine == theirs

    monkeypatch.setattr(sealing.hmac, "compare_digest", compare)
    keys = Keys([KEY])
    assert keys.open(("a",), keys.seal(("a",), b"body")) == b"body"
    assert len(compared) == 1 and len(compared[0][0]) == 32


async def test_parts_cannot_be_shifted_into_each_other() -> None:
    keys = Keys([KEY])
    for place, other in ((("ab", "c"), ("a", "bc")), (("a",), ("a", "")), (("",), ())):
        with pytest.raises(sealing.Untrusted):
            keys.open(other, keys.seal(place, b"body"))


@pytest.mark.parametrize(
    ("keys", "error", "said"),
    [
        ([], ConfigurationError, "at least one"),
        (["short"], ConfigurationError, "can be guessed"),
        ([KEY, b"15 bytes exactl"], ConfigurationError, "can be guessed"),
        (KEY, TypeError, "a list of keys"),
        (KEY.encode(), TypeError, "a list of keys"),
        ([5], TypeError, "a text or bytes"),
        (5, TypeError, "a list of keys"),
    ],
    ids=str,
)
@pytest.mark.parametrize("serializer", SIGNING)
async def test_keys_that_are_none_are_refused_without_being_shown(
    serializer: Callable[..., Serializer], keys: Any, error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said) as refused:
        serializer(keys=keys)
    assert KEY not in str(refused.value) and "exactl" not in str(refused.value)


@pytest.mark.parametrize("serializer", SIGNING)
async def test_no_key_is_ever_shown(serializer: Callable[..., Serializer]) -> None:
    signing = serializer(keys=[KEY, OTHER_KEY])
    queue = Queue("memory://", serializer=signing)
    for shown in (signing, signing.keys, queue, queue.driver(), queue.kv):
        assert "key that" not in repr(shown) and "key that" not in str(shown)


async def test_pickle_takes_keys() -> None:
    unsigned: Any = PickleSerializer
    with pytest.raises(TypeError, match="keys"):
        unsigned()
    with pytest.raises(TypeError, match="keys"):
        unsigned(keys=None)


@pytest.mark.parametrize("wrong", [pickle, "pickle", PickleSerializer, 5], ids=lambda wrong: type(wrong).__name__)
async def test_no_other_serializer_is_taken(wrong: Any) -> None:
    with pytest.raises(TypeError, match="serializer= takes"):
        Queue("memory://", serializer=wrong)


async def test_only_one_module_knows_pickle() -> None:
    import aioqueue

    package = Path(aioqueue.__file__).parent
    named = ("import pickle", "from pickle", "import marshal", "import shelve", "cloudpickle", "import dill")
    users = {file.name for file in package.rglob("*.py") if any(name in file.read_text() for name in named)}
    assert users == {"serializers.py"}


# ---------------------------------------------------------------- keys here, none there
async def test_what_is_signed_says_so_to_a_queue_without_keys(make_queue: MakeQueue) -> None:
    signing, bare = make_queue(serializer=MsgpackSerializer(keys=[KEY])), make_queue()
    tasks = [queue.task(name="body")(_echo) for queue in (signing, bare)]
    async with signing, bare:
        result = await tasks[0](1)
        async with signing.worker():
            await result
        with pytest.raises(Exception, match="is signed, and this queue has no keys"):
            await tasks[1].result(result.id)
        other = await tasks[0](2)
        async with bare.worker():
            with pytest.raises(TaskException, match="it is signed, and this queue has no keys"):
                await bare.result(other.id).get(timeout=5)
        with pytest.raises(LookupError, match="no keys"):
            await bare.replay(other.id)
        again = await signing.replay(other.id)
        async with signing.worker():
            assert await again.get(timeout=5) == 2


async def test_what_msgpack_has_signed_is_not_unpickled(make_queue: MakeQueue, trap: Trap) -> None:
    """A caller of the one might choose bytes that mean something to the other."""
    plain = make_queue(serializer=MsgpackSerializer(keys=[KEY]))
    pickling = make_queue(serializer=PickleSerializer(keys=[KEY]))
    async with plain, pickling:
        pickling.task(name="body")(_echo)
        sealed = seals(plain).job("forged", trapped_record("body", trap))
        async with intruder_at(pickling) as intruder:
            await intruder.put(sealed, "body", "forged")
            async with pickling.worker():
                with pytest.raises(TaskException, match="made for something else"):
                    await pickling.result("forged").get(timeout=5)
    assert not trap.is_sprung


async def _echo(n: int) -> int:
    return n
