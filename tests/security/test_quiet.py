"""What is logged and shown forges no line, drives no terminal, and tells no password and no argument."""

from __future__ import annotations

import asyncio
import logging
import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from aioqueue import AioqueueError, Queue, StoreUnavailable, TaskException
from aioqueue.cli.looking.gathering import look_at_jobs, look_at_shelf
from aioqueue.cli.looking.tables import print_tables
from aioqueue.cli.looking.telling import json_of
from aioqueue.drivers.redis import RedisDriver
from aioqueue.record import FORMAT, Record, encode_record
from tests.cli.processes import ROOT
from tests.core.stores import eventually
from tests.security.intruder import intruder_at

pytestmark = pytest.mark.asyncio

EVIL = "x\r\nERROR forged\x1b[2J\x9b31m\x07\u2028\u202e"
FORBIDDEN = "\r\x1b\x9b\x07\u2028\u202e"


def assert_quiet(lines: Iterable[str]) -> None:
    for line in lines:
        assert not any(letter in line for letter in FORBIDDEN), ascii(line)
        assert not any(part.startswith("ERROR forged") for part in line.splitlines()), ascii(line)


async def test_no_log_line_can_be_forged_from_the_store(memory_queue: Queue, caplog: pytest.LogCaptureFixture) -> None:
    @memory_queue.task(name="body", retries=1)
    async def body(n: int = 0) -> None:
        raise ValueError(EVIL)

    records = [
        Record(FORMAT, "body", b"\x80"),
        Record(FORMAT, EVIL, b"\x80"),
        Record(FORMAT, "body", b"\x81\xc4\x01\x1b\x01"),
    ]
    caplog.set_level(logging.DEBUG, "aioqueue")
    async with memory_queue as queue, intruder_at(queue) as intruder:
        for number, record in enumerate(records):
            await intruder.put(encode_record(record), EVIL, f"{EVIL}{number}")
        await intruder.put(b"\xff garbage", EVIL, f"{EVIL} garbage")
        async with queue.worker():
            for job_id in (f"{EVIL}0", f"{EVIL}2", f"{EVIL} garbage"):
                with pytest.raises(TaskException):
                    await queue.result(job_id).get(timeout=5)
            await eventually(lambda: "no worker here knows" in caplog.text)
    ours = [record for record in caplog.records if record.name.startswith("aioqueue")]
    assert len(ours) > 5
    assert_quiet(record.getMessage() for record in ours)


async def test_arguments_are_logged_only_where_asked_for(memory_queue: Queue, caplog: pytest.LogCaptureFixture) -> None:
    @memory_queue.task(retries=1)
    async def body(token: str) -> str:
        if token == "hunter2-fails":
            raise ValueError
        return token

    caplog.set_level(logging.DEBUG)
    async with memory_queue as queue, queue.worker():
        await body.call("hunter2")
        with pytest.raises(TaskException):
            await body.call("hunter2-fails")
        with pytest.raises(TypeError):
            await body(token="hunter2", nothing="hunter2")  # type: ignore[call-arg]
    assert "hunter2" not in caplog.text


async def test_no_table_and_no_json_can_drive_a_terminal(
    memory_queue: Queue, capsys: pytest.CaptureFixture[str]
) -> None:
    @memory_queue.task(name="body")
    async def body(text: str) -> str:
        raise ValueError(text)

    async with memory_queue as queue, intruder_at(queue) as intruder:
        await intruder.put(encode_record(Record(FORMAT, "body", b"\x80")), EVIL, f"{EVIL} queued")
        failed = await body(EVIL)
        async with queue.worker():
            with pytest.raises(TaskException):
                await failed
        await intruder.put(b"\xff", EVIL, f"{EVIL} garbage")
        seen: list[Any] = [await look_at_shelf(queue, "queued", 10, arguments=True)]
        seen.append(await look_at_jobs(queue, [f"{EVIL} garbage", failed.id], arguments=True))
    for facts in seen:
        print_tables(facts)
        assert_quiet([capsys.readouterr().out, json_of(facts)])


# ---------------------------------------------------------------- passwords
PASSWORD = "hunter2"
URLS = [
    "redis://user:hunter2@127.0.0.1:1",
    "redis://:hunter2@127.0.0.1:1/3",
    "rediss://user:hunter2@127.0.0.1:1",
    "redis://user:hunter2%2F%40%23@127.0.0.1:1",
    "redis://user:h%75nter2@127.0.0.1:1",
    "unix://user:hunter2@/tmp/aioqueue-no-such.sock?db=2",
    "unix:///tmp/aioqueue-no-such.sock?password=hunter2&username=user",
    "redis://127.0.0.1:1?password=hunter2",
    "rediss://127.0.0.1:1?password=hunter2&ssl_password=hunter2",
]


def assert_masked(text: str) -> None:
    assert PASSWORD not in text and "h%75nter2" not in text, text


@pytest.mark.parametrize("url", URLS)
async def test_no_repr_and_no_error_tells_a_password(url: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    queue = Queue(url)

    @queue.task
    async def body() -> None: ...

    for shown in (queue, queue.driver(), queue.kv, queue.worker(), body, body.s(), queue.result("1"), RedisDriver(url)):
        assert_masked(repr(shown) + str(shown))
    with pytest.raises(StoreUnavailable) as unavailable:
        await queue.counts()
    error: BaseException | None = unavailable.value
    while error is not None:
        assert_masked(repr(error) + str(error))
        error = error.__cause__ or error.__context__
    await queue.close()
    assert_masked(caplog.text)


# Every command in one process: to start one takes longer than all that they do.
COMMANDS = """
import sys
from aioqueue.cli.entry import main

where = sys.argv[1:]
for command in ("status --json", "check --json", "workers --json", "purge --yes"):
    sys.argv = ["aioqueue", *command.split(), *where]
    try:
        main()
    except SystemExit as end:
        if end.code:
            continue
    sys.exit(f"{command} did not fail")
"""


@pytest.mark.parametrize("url", [*URLS, "redis://user:hunter2@127.0.0.1:port", "nonsense://user:hunter2@host"])
async def test_no_command_tells_a_password(url: str, tmp_path: Path) -> None:
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", COMMANDS, "--url", url, "--queue", "q"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": ROOT},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert len((done.stdout + done.stderr).splitlines()) >= 4
    assert_masked(done.stdout + done.stderr)


async def test_a_worker_tells_no_password_and_shows_none_in_its_title(tmp_path: Path, redis_url: str) -> None:
    """Not in what it says, not in its process's title, not in what it says of itself in the store."""
    import redis

    client = redis.Redis.from_url(redis_url)
    client.execute_command("ACL", "SETUSER", "titled", "on", f">{PASSWORD}", "~*", "&*", "+@all")
    client.close()
    url = redis_url.replace("redis://", f"redis://titled:{PASSWORD}@")
    (tmp_path / "app.py").write_text("from aioqueue import Queue\nqueue = Queue(name='titled')\n")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "aioqueue", "worker", "app:queue", "-v"),
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": ROOT, "AIOQUEUE_URL": url},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    queue = Queue(url, name="titled")
    async with queue, asyncio.timeout(30):
        await eventually(queue.is_running, seconds=20)
        assert_masked(repr(await queue.workers()))
        title = await asyncio.to_thread(Path(f"/proc/{process.pid}/cmdline").read_bytes)
        assert b"aioqueue" in title
        assert_masked(title.decode())
        process.terminate()
        said, _ = await process.communicate()
    assert process.returncode == 0
    assert_masked(said.decode())


async def test_a_url_of_no_driver_is_refused_without_its_password() -> None:
    for url in ("nonsense://user:hunter2@host", "user:hunter2@host", "hunter2@host:1/2"):
        with pytest.raises(AioqueueError) as refused:
            Queue(url)
        assert_masked(str(refused.value))
