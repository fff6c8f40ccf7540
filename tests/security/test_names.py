"""No name reaches into what belongs to another queue, and none becomes an import."""

from __future__ import annotations

import asyncio
import contextlib
import re
import sys
import uuid
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import redis

from aioqueue import ConfigurationError, Queue, TaskException
from aioqueue.drivers.redis import RedisDriver
from aioqueue.ids import new_id
from aioqueue.record import FORMAT, Record, encode_record
from aioqueue.worker.conclusion import DEFERRALS
from aioqueue.worker.reading import Refused, read_claim
from tests.core.stores import eventually
from tests.security.intruder import intruder_at

pytestmark = pytest.mark.asyncio

VICTIM = "victim"
EVIL = [
    "victim}:kv:key",
    "{victim}:kv:key",
    "x}:{victim",
    "aq:{victim}:kv:key",
    "../victim",
    "a/b",
    "a\\b",
    "*",
    "v?ctim",
    "[v]ictim",
    "a b",
    " a",
    "a\n",
    "a\r\nFLUSHALL\r\n",
    "a\0b",
    "\x1b[2J",
    "\x9b2J",
    "a'; DROP TABLE jobs; --",
    'a" OR 1=1',
    "%s%n",
    "\u202eevil",
    "\ud800",
]


@pytest.mark.parametrize("name", [*EVIL, "", ".", "-x", "x" * 101], ids=ascii)
async def test_a_queue_has_a_plain_name(name: str) -> None:
    with pytest.raises(ConfigurationError, match="a queue's name takes"):
        Queue("memory://", name=name)
    if name not in (".", "-x", "x" * 101):
        with pytest.raises(ConfigurationError, match="queue name"):
            RedisDriver("redis://127.0.0.1", name)


@pytest.mark.parametrize("name", [*EVIL, "", "x" * 201], ids=ascii)
async def test_a_task_has_a_plain_name(memory_queue: Queue, name: str) -> None:
    with pytest.raises(ConfigurationError, match="a task's name takes"):

        @memory_queue.task(name=name)
        async def body() -> None: ...

    assert list(memory_queue.registry) == []


@pytest.mark.parametrize("job_id", [*EVIL, "", "x" * 201], ids=ascii)
async def test_an_id_that_a_caller_gives_is_plain(memory_queue: Queue, job_id: str) -> None:
    @memory_queue.task
    async def body() -> None: ...

    with pytest.raises(ValueError, match="id= takes"):
        body.options(id=job_id)


@pytest.mark.parametrize("name", ["", "a\n", "a\0b", "\x1b[2J", "\ud800", "x" * 201], ids=ascii)
async def test_a_lock_has_a_printable_name(memory_queue: Queue, name: str) -> None:
    for make in (lambda: memory_queue.lock_task(name), lambda: memory_queue.semaphore(name, 1)):
        with pytest.raises(ValueError, match="printable"):
            make()
    with pytest.raises(ValueError, match="printable"):
        memory_queue.rate_limit(name, 1, 1)
    for ask in (memory_queue.is_locked, memory_queue.flush_locks):
        with pytest.raises(ValueError, match="printable"):
            await ask(name)


def try_to(attempt: Callable[[], Any]) -> Any:
    """Do what may be refused."""
    try:
        return attempt()
    except (ValueError, ConfigurationError):
        return None


async def try_all(queue: Queue, name: str) -> None:
    """Use a name wherever the face takes one, and take nothing back that would hide what was written."""

    @queue.task
    async def body() -> None: ...

    async def in_turn(attempt: Callable[[], Any]) -> None:
        made = try_to(attempt)
        if made is not None:
            with contextlib.suppress(ValueError, LookupError):
                await made

    async def use(guard: Any) -> None:
        async with guard:
            pass

    await in_turn(lambda: queue.kv.put(name, "evil"))
    await in_turn(lambda: queue.kv.increment(f"{name}-count"))
    await in_turn(lambda: queue.kv.pop(f"{name}-pop"))
    await in_turn(lambda: use(queue.lock_task(name)))
    await in_turn(lambda: use(queue.rate_limit(name, 5, 60)))
    await in_turn(lambda: queue.flush_locks(name))
    for options in ({"unique": name}, {"id": name}):
        bound = try_to(partial(body.options, **options))
        if bound is not None:
            await in_turn(bound)
    await in_turn(lambda: queue.result(name).revoke())
    await in_turn(lambda: queue.result(name).cancel())
    await in_turn(lambda: queue.result(name).state())
    await in_turn(lambda: queue.replay(name))
    await in_turn(queue.flush)
    await in_turn(lambda: queue.kv.put(name, "evil"))


async def test_no_name_reaches_the_keys_of_another_queue(redis_url: str) -> None:
    run = uuid.uuid4().hex
    victim, evil = Queue(redis_url, name=f"victim{run}"), Queue(redis_url, name=f"evil{run}")

    @victim.task
    async def body() -> int:
        return 1

    client = redis.Redis.from_url(redis_url)
    async with victim, evil, asyncio.timeout(30):
        await victim.kv.put("key", "mine")
        result = await body.options(unique="key", id=f"job{run}")()
        await body.options(delay=1_000, id=f"later{run}")()
        prefix = f"aq:{{{victim.name}}}:"
        await eventually(lambda: client.exists(f"{prefix}jobs") == 1)
        before = {key: client.dump(key) for key in client.scan_iter(f"{prefix}*", count=1_000)}
        for name in EVIL:
            for reach in (name.replace(VICTIM, victim.name), f"{prefix}kv:key", f"}}:{{{victim.name}}}:jobs"):
                await try_all(evil, reach)
        assert {key: client.dump(key) for key in client.scan_iter(f"{prefix}*", count=1_000)} == before
        known = (prefix.encode(), f"aq:{{{evil.name}}}:".encode())
        strays = [key for key in client.scan_iter(f"*{run}*", count=1_000) if not key.startswith(known)]
        assert strays == []
        async with victim.worker():
            assert await result.get(timeout=5) == 1
    client.close()


# ---------------------------------------------------------------- task names
IMPORTS = [
    "os.system",
    "builtins:eval",
    "builtins.exec",
    "subprocess.Popen",
    "tests.security.importable.touch",
    "tests.security.importable:touch",
    "__main__.body",
    "../importable",
    "/etc/passwd",
    "os.system\nbody",
    "body.__globals__",
    "",
]


@pytest.mark.parametrize("name", IMPORTS, ids=ascii)
async def test_a_name_that_nobody_registered_is_never_imported(memory_queue: Queue, name: str) -> None:
    sys.modules.pop("tests.security.importable", None)
    ran: list[int] = []

    @memory_queue.task(name="body")
    async def body(n: int) -> None:
        ran.append(n)

    payload = encode_record(Record(FORMAT, name, b"\x81\xa7command\xa4true"))
    async with memory_queue as queue, intruder_at(queue) as intruder:
        job_id = await intruder.put(payload, name)
        async with queue.worker():
            await body.call(1)
            await eventually(lambda: _is_put_back(intruder.store, job_id))
            claim = await _claim(queue, job_id, payload, name)
            refused = read_claim(claim, queue.registry, 0.0)
        assert isinstance(refused, Refused) and "no worker here knows" in refused.outcome.dead_reason  # type: ignore[union-attr]
    assert "tests.security.importable" not in sys.modules
    assert ran == [1]


async def _is_put_back(store: Any, job_id: str) -> bool:
    stored = await store.job(job_id)
    return stored is not None and stored.state == "scheduled"


async def _claim(queue: Queue, job_id: str, payload: bytes, task: str) -> Any:
    from aioqueue.drivers.base import Claim

    return Claim(job_id, 1, task, payload, 0, 0, DEFERRALS, 0.0)


async def test_a_child_process_imports_what_the_registered_function_says(
    make_queue: Callable[..., Queue], trap: Any
) -> None:
    """What the store says beside the record decides nothing."""
    from tests.security.process_tasks import TASKS

    queue = make_queue()
    queue.registry.add(TASKS["msgpack"])
    sys.modules.pop("tests.security.importable", None)
    async with queue, intruder_at(queue) as intruder:
        genuine = await queue.enqueue(TASKS["msgpack"].s(4))
        payload = await intruder.payload(genuine.id)
        job_id = await intruder.put(payload, "tests.security.importable.touch", new_id())
        async with queue.worker():
            assert await queue.result(genuine.id).get(timeout=20) == 8
            assert await queue.result(job_id).get(timeout=20) == 8
        evil = encode_record(Record(FORMAT, "doubled.msgpack", b"\x82\xa1n\x04\xa6module\xa2os"))
        job_id = await intruder.put(evil, "doubled.msgpack")
        async with queue.worker():
            with pytest.raises(TaskException, match="module"):
                await queue.result(job_id).get(timeout=20)
    assert "tests.security.importable" not in sys.modules


async def test_nothing_in_the_package_imports_by_a_stored_name() -> None:
    """Beside the command line, which imports its own argument: the face's lazy names, and a registered function."""
    import aioqueue

    package = Path(aioqueue.__file__).parent
    importing = re.compile(r"import_module\(|__import__\(|resolve_name\(|(?<![.\w])(eval|exec)\(")
    files = {str(file.relative_to(package)): file.read_text() for file in package.rglob("*.py")}
    users = {name for name, source in files.items() if importing.search(source) and not name.startswith("cli/")}
    assert users == {"__init__.py", "worker/process_body.py"}
