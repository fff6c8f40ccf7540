"""`aioqueue check` as probes and hooks run it: real processes, real locks, ports and servers."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import redis

from aioqueue import Queue
from aioqueue.cli.check import title
from aioqueue.cli.health import health_server
from aioqueue.cli.pidfile import PidFile
from tests.cli.processes import ROOT, Command, Commands
from tests.core.stores import eventually
from tests.servers import redis_server

APP = """
import asyncio
from aioqueue import Queue, Worker

queue = Queue({url!r}, name={name!r})

@queue.task
async def until(path: str) -> None:
    print("began", flush=True)
    await asyncio.sleep(60)

if __name__ == "__main__":
    import sys
    worker = Worker(queue, lease=float(sys.argv[1]), name="the one")
    asyncio.run(worker.run(lambda: print("ready", flush=True)))
"""
HOLDS = """
import signal, sys
from aioqueue.cli.pidfile import PidFile
pidfile = PidFile(sys.argv[1])
pidfile.acquire()
print("held", flush=True)
signal.pause()
"""
TITLED = """
import signal, sys
from setproctitle import setproctitle
setproctitle(sys.argv[1])
print("titled", flush=True)
signal.pause()
"""
KEYS = [
    "running",
    "reason",
    "process_running",
    "pid",
    "live",
    "ready",
    "store_reachable",
    "can_enqueue",
    "worker_available",
    "paused",
    "queued",
    "scheduled",
    "executing",
    "workers",
]


class Check:
    """Runs `aioqueue check` to its end."""

    def __init__(self, commands: Commands) -> None:
        self._commands = commands

    def __call__(self, *arguments: str, code: int, **environment: str) -> str:
        """Return the one line that it says."""
        command = self._commands("-m", "aioqueue", "check", *arguments, **environment)
        assert command.code() == code, command.output
        assert "Traceback" not in command.output
        return command.output.rstrip("\n")

    async def soon(self, *arguments: str, code: int, **environment: str) -> str:
        """Return the same, while this loop goes on."""
        return await asyncio.to_thread(self.__call__, *arguments, code=code, **environment)

    async def json(self, *arguments: str, code: int, **environment: str) -> dict[str, Any]:
        """Return what it prints as JSON."""
        facts: dict[str, Any] = json.loads(await self.soon(*arguments, "--json", code=code, **environment))
        assert list(facts) == KEYS
        assert facts["running"] is (code == 0)
        return facts


@pytest.fixture
def check(commands: Commands) -> Check:
    return Check(commands)


@pytest.fixture
def pidfile(tmp_path: Path) -> Iterator[PidFile]:
    pidfile = PidFile(tmp_path / "worker.pid")
    yield pidfile
    pidfile.release()


@pytest.fixture
def app(tmp_path: Path, shared_store_url: str) -> Queue:
    """A queue whose application is on disk as app.py."""
    return application(tmp_path, shared_store_url)


def application(directory: Path, url: str) -> Queue:
    name = f"q{uuid4().hex}"
    (directory / "app.py").write_text(APP.format(url=url, name=name))
    return Queue(url, name=name)


async def start(commands: Commands, lease: float = 30) -> Command:
    worker = commands("app.py", str(lease))
    await asyncio.to_thread(worker.wait_for, "ready")
    return worker


# ---------------------------------------------------------------- by the lock
def test_by_the_lock(check: Check, commands: Commands, pidfile: PidFile) -> None:
    path = pidfile.path
    assert check("--pidfile", path, code=1) == f"not running: nobody holds {path}"
    pidfile.acquire()
    assert check("--pidfile", path, code=0) == f"running: process {os.getpid()} holds {path}"
    assert check(f"--pidfile={path}", "-q", code=0) == ""
    pidfile.release()
    holder = commands("-c", HOLDS, path)
    holder.wait_for("held")
    assert check("--pidfile", "worker.pid", code=0) == f"running: process {holder.process.pid} holds worker.pid"
    holder.signal(signal.SIGKILL)
    holder.code()
    assert check("--pidfile", path, code=1) == (
        f"not running: nobody holds {path}, which process {holder.process.pid} left behind"
    )


def test_a_pidfile_that_cannot_be_read_is_no_answer(check: Check, tmp_path: Path) -> None:
    assert check("--pidfile", str(tmp_path), code=1) == (
        f"cannot tell: pidfile {tmp_path} cannot be used: Is a directory"
    )
    (tmp_path / "file").touch()
    assert check("--pidfile", "file/worker.pid", code=1) == (
        "cannot tell: pidfile file/worker.pid cannot be used: Not a directory"
    )


def test_a_pidfile_without_permission_is_no_answer(check: Check, tmp_path: Path) -> None:
    path = tmp_path / "worker.pid"
    path.touch(mode=0)
    if os.access(path, os.R_OK):  # root may read everything: look as somebody else does
        script = (
            "import os, sys\nfrom aioqueue.cli.check import lock\n"
            f"os.chdir({str(tmp_path)!r})\nos.setuid(65534)\nprint(lock.look('worker.pid').line)\n"
        )
        said = check._commands("-c", script)
        assert said.code() == 0, said.output
        line = said.output
    else:
        line = check("--pidfile", "worker.pid", code=1)
    assert re.search(r"cannot tell: pidfile .*worker\.pid cannot be used: Permission denied", line)


# ---------------------------------------------------------------- by the title
def test_by_the_title(check: Check, commands: Commands) -> None:
    name = f"aioqueue: worker {uuid4().hex}:queue"
    assert check("--title", name, code=1) == f"not running: no process is called {name!r}"
    worker = commands("-c", TITLED, f"{name} (1 of 2)")
    worker.wait_for("titled")
    assert check("--title", name, code=0) == f"running: process {worker.process.pid} is '{name} (1 of 2)'"
    assert check("--title", name[:-1], code=1) == f"not running: no process is called {name[:-1]!r}"
    worker.signal(signal.SIGKILL)
    worker.code()
    check("--title", name, code=1)


def test_by_the_title_where_there_is_no_proc(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def no_proc() -> list[tuple[int, str]]:
        raise FileNotFoundError("/proc")

    ps = tmp_path / "ps"
    ps.write_text("#!/bin/sh\nprintf '%s\\n' '    1 init' '12345 aioqueue: worker app:queue' '  777 -sh' ''\n")
    ps.chmod(stat.S_IRWXU)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setattr(title, "_titles_in_proc", no_proc)
    assert title.look("aioqueue: worker app:queue").facts == {"process_running": True, "pid": 12345}
    assert not title.look("aioqueue: worker other:queue").running
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    assert title.look("init").line == "cannot tell: there is neither /proc nor ps to list processes"


# ---------------------------------------------------------------- by the health port
@pytest.mark.asyncio
async def test_by_the_health_port(check: Check) -> None:
    well = {"live": True, "ready": False}
    async with health_server(0, lambda: well["live"], lambda: well["ready"]) as port:
        where = f"127.0.0.1:{port}"
        assert await check.soon("--port", str(port), code=0) == f"running: {where}/livez says live"
        assert await check.soon("--port", str(port), "--ready", code=1) == f"not ready: {where}/readyz says so"
        well.update(live=False, ready=True)
        assert await check.soon("--port", str(port), code=1) == f"not live: {where}/livez says so"
        facts = await check.json("--port", str(port), "--ready", code=0)
        assert (facts["process_running"], facts["live"], facts["ready"]) == (True, None, True)
    assert await check.soon("--port", str(port), code=1) == f"not running: nothing listens on {where}"


def says(answer: bytes) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Any]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(answer)
        writer.close()

    return serve


@asynccontextmanager
async def stranger(answer: bytes) -> AsyncIterator[str]:
    server = await asyncio.start_server(says(answer), "127.0.0.1", 0)
    async with server:
        yield str(server.sockets[0].getsockname()[1])


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "answer", [b"", b"-ERR unknown command\r\n", b"HTTP/1.1 404 Not Found\r\n\r\n", b"\xff" * 5_000]
)
async def test_a_port_that_is_another_program_s_is_no_answer(check: Check, answer: bytes) -> None:
    async with stranger(answer) as port:
        line = await check.soon("--port", port, code=1)
        assert re.fullmatch(rf"cannot tell: 127\.0\.0\.1:{port}/livez(: .*| is no health port of a worker)", line)


def test_a_port_that_does_not_answer_is_not_waited_for(check: Check) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        began = time.monotonic()
        line = check("--port", str(port), "--timeout", "0.2", code=1)
        assert line == f"not live: 127.0.0.1:{port}/livez did not answer within 0.2 s"
        assert time.monotonic() - began < 5


# ---------------------------------------------------------------- by the store
@pytest.mark.asyncio
async def test_by_the_store(check: Check, commands: Commands, app: Queue, shared_store_url: str) -> None:
    by_url = ("--url", shared_store_url, "--queue", app.name)
    async with app:
        assert await check.soon("app:queue", code=1) == (
            f"not running: no worker on queue {app.name!r} (0 queued, 0 executing)"
        )
        worker = await start(commands)
        running = f"running: 1 worker on queue {app.name!r}"
        assert await check.soon("app:queue", code=0) == f"{running} (0 queued, 0 executing)"
        await app.pause()
        assert await check.soon(*by_url, code=0) == f"{running} (0 queued, 0 executing, paused)"
        assert await check.soon(*by_url[2:], code=0, AIOQUEUE_URL=shared_store_url)
        assert await check.soon("--url", shared_store_url, "--queue", "another", code=1)
        worker.signal(signal.SIGKILL)
        await asyncio.to_thread(worker.code)


@pytest.mark.asyncio
async def test_the_json_answers_what_scripts_asked_of_process_lists_and_servers(
    check: Check, commands: Commands, app: Queue
) -> None:
    @app.task(name="app.until")
    async def until(path: str) -> None: ...

    async with app:
        nobody = await check.json("app:queue", code=1)
        assert {name: fact for name, fact in nobody.items() if fact is not None} == {
            "running": False,
            "reason": f"not running: no worker on queue {app.name!r} (0 queued, 0 executing)",
            "process_running": False,
            "store_reachable": True,
            "can_enqueue": True,
            "worker_available": False,
            "paused": False,
            "queued": 0,
            "scheduled": 0,
            "executing": 0,
            "workers": [],
        }
        worker = await start(commands, lease=0.6)
        await until("here")
        await until.options(delay=1_000)("later")
        await asyncio.to_thread(worker.wait_for, "began")
        somebody = await check.json("app:queue", code=0)
        assert {name: somebody[name] for name in ("process_running", "worker_available", "can_enqueue")} == {
            "process_running": True,
            "worker_available": True,
            "can_enqueue": True,
        }
        assert (somebody["queued"], somebody["scheduled"], somebody["executing"]) == (0, 1, 1)
        (described,) = somebody["workers"]
        assert described["pid"] == worker.process.pid
        assert (described["name"], described["host"]) == ("the one", socket.gethostname())


@pytest.mark.asyncio
async def test_a_killed_worker_is_seen_by_its_process_first_and_then_by_its_lease(
    check: Check, commands: Commands, app: Queue
) -> None:
    async with app:
        worker = await start(commands, lease=3)
        assert (await check.json("app:queue", "--max-age", "2", code=0))["process_running"] is True
        worker.signal(signal.SIGKILL)
        await asyncio.to_thread(worker.code)
        facts = await check.json("app:queue", "--max-age", "1000", "--timeout", "20", code=1)
        assert (facts["worker_available"], facts["process_running"]) == (False, False)
        killed = f"not running: the worker on queue {app.name!r} was killed, its lease ends in "
        assert facts["reason"].startswith(killed)
        await eventually(not_running(app), 20)
        assert re.search(
            r"^not running: the last sign of a worker is \d\.\d s old, more than its lease, on queue ",
            await check.soon("app:queue", code=1),
        )
        assert ", more than its lease, on queue " in await check.soon("app:queue", "--max-age", "1000", code=1)


def not_running(queue: Queue) -> Callable[[], Any]:
    async def is_so() -> bool:
        return not await queue.is_running()

    return is_so


@pytest.mark.asyncio
async def test_an_old_sign_of_life_is_none_with_max_age(check: Check, commands: Commands, app: Queue) -> None:
    await start(commands)
    line = await check.soon("app:queue", "--max-age", "0.000001", code=1)
    assert re.search(r"is \d+\.\d s old, more than 1e-06 s, on queue", line)


@pytest.mark.asyncio
async def test_a_worker_that_is_stopping_takes_no_jobs(check: Check, commands: Commands, tmp_path: Path) -> None:
    app = application(tmp_path, f"sqlite:///{tmp_path}/queue.db")

    @app.task(name="app.until")
    async def until(path: str) -> None: ...

    async with app:
        worker = commands("-m", "aioqueue", "worker", "app:queue")
        await asyncio.to_thread(worker.wait_for, "ready")
        await until("here")
        await asyncio.to_thread(worker.wait_for, "began")
        worker.signal(signal.SIGTERM)
        await eventually(not_running(app), 20)
        line = await check.soon("app:queue", code=1)
        assert line == f"not running: only workers that are stopping on queue {app.name!r} (0 queued, 1 executing)"
        assert (await check.json("app:queue", code=1))["process_running"] is True


@pytest.mark.asyncio
async def test_a_store_that_takes_no_writes_is_told_apart(check: Check) -> None:
    with redis_server() as server, redis.Redis.from_url(server.url) as client:
        async with Queue(server.url):
            pass
        client.config_set("maxmemory", 1)
        facts = await check.json("--url", server.url, code=1)
        assert (facts["store_reachable"], facts["can_enqueue"]) == (True, False)


@pytest.mark.asyncio
async def test_a_store_that_is_away_or_silent_is_no_answer(check: Check) -> None:
    facts = await check.json("--url", "redis://127.0.0.1:1", code=1)
    assert (facts["store_reachable"], facts["can_enqueue"], facts["worker_available"]) == (False, False, False)
    assert facts["queued"] is facts["workers"] is facts["process_running"] is None
    with redis_server() as server:
        server.pause()
        line = await check.soon("--url", server.url, "--timeout", "0.3", code=1)
        assert line == "cannot tell: the store of queue 'default' did not answer within 0.3 s"


@pytest.mark.asyncio
async def test_a_password_is_not_told(check: Check) -> None:
    with redis_server(requirepass="secret") as server:
        line = await check.soon("--url", server.url.replace("secret", "s3same"), code=2)
        assert re.match(r"Error: Redis at redis://127\.0\.0\.1:\d+ refused the credentials", line)
        assert "s3same" not in line


def test_a_sqlite_file_that_is_not_there_is_not_made(check: Check, tmp_path: Path) -> None:
    line = check("--url", f"sqlite:///{tmp_path}/queue.db", code=1)
    assert line == f"cannot tell: there is no file {tmp_path}/queue.db"
    assert list(tmp_path.iterdir()) == []


# ---------------------------------------------------------------- several ways, and wrong ones
def test_of_several_ways_all_must_agree(check: Check, pidfile: PidFile) -> None:
    pidfile.acquire()
    held = f"running: process {os.getpid()} holds {pidfile.path}"
    both = check("--pidfile", pidfile.path, "--port", "1", code=1)
    assert both.splitlines() == ["not running: nothing listens on 127.0.0.1:1", held]
    facts = json.loads(check("--pidfile", pidfile.path, "--port", "1", "--json", code=1))
    assert (facts["process_running"], facts["pid"], facts["live"]) == (False, os.getpid(), False)
    three = check("--pidfile", pidfile.path, "--url", "redis://127.0.0.1:1", code=1)
    assert three.startswith("cannot tell: Redis")
    assert three.splitlines()[1:] == [held]


@pytest.mark.parametrize("more", [(), ("--json",), ("-q",)], ids=str)
def test_click_answers_as_the_probe_does(check: Check, pidfile: PidFile, more: tuple[str, ...]) -> None:
    for code in (1, 0):
        cheap = check("--pidfile", pidfile.path, *more, code=code)
        assert check("--pidfile", pidfile.path, *more, "--timeout", "5", code=code) == cheap
        pidfile.acquire()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no full device here")
@pytest.mark.parametrize("more", [(), ("--json",), ("--timeout", "5")], ids=str)
@pytest.mark.parametrize("environment", [{}, {"PYTHONUNBUFFERED": "1"}], ids=["buffered", "unbuffered"])
def test_an_answer_that_nobody_reads_is_one(
    pidfile: PidFile, more: tuple[str, ...], environment: dict[str, str]
) -> None:
    pidfile.acquire()
    words = [sys.executable, "-m", "aioqueue", "check", "--pidfile", pidfile.path, *more]
    buffered = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(
            words, env={**buffered, "PYTHONPATH": ROOT, **environment}, stdout=full, stderr=subprocess.PIPE, check=False
        )
    assert (ended.returncode, ended.stderr) == (0, b"")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "say where to look: APP, --url, --queue, --pidfile, --title or --port"),
        (("--json",), "say where to look"),
        (("--pidfile",), "--pidfile"),
        (("--pidfile=",), "--pidfile is empty"),
        (("--title", " "), "--title is empty"),
        (("--pidfile", "a", "--nonsense"), "--nonsense"),
        (("--port", "0"), "--port"),
        (("--port", "70000"), "--port"),
        (("--port", "http"), "--port"),
        (("--pidfile", "a", "--ready"), "--ready goes with --port"),
        (("--pidfile", "a", "--max-age", "5"), "--max-age asks the store"),
        (("--url", "redis://x", "--max-age", "0"), "--max-age"),
        (("--url", "redis://x", "--max-age", "nan"), "--max-age"),
        (("--url", "redis://x", "--timeout", "-1"), "--timeout"),
        (("app:queue", "--url", "redis://x"), "not both"),
        (("app:queue", "more:queue"), "more:queue"),
        (("--queue", "x"), "AIOQUEUE_URL"),
        (("--url", "bogus://x"), "'bogus'"),
        (("--url", "redis://x?bogus=1"), "unknown option 'bogus' after the ?"),
        (("--ready",), "--ready goes with --port"),
        (("--url", "localhost:6379"), "localhost"),
        (("--url", "redis://x", "--queue", "a b"), "'a b'"),
        (("--url", "sqlite://queue.db"), "three slashes"),
        (("nowhere:queue",), "'nowhere'"),
        (("nowhere",), "module:attribute"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_wrong_usage_is_one_line(check: Check, arguments: tuple[str, ...], said: str) -> None:
    output = check(*arguments, code=2, AIOQUEUE_URL="")
    lines = [line for line in output.splitlines() if line.startswith("Error: ")]
    assert len(lines) == 1, output
    assert said in lines[0]


def test_a_socket_of_a_server_is_a_store(check: Check) -> None:
    assert check("--url", "unix:///no/such.sock", code=1).startswith("cannot tell: Redis at unix:///no/such.sock is")


def test_a_name_that_the_terminal_cannot_show_is_no_error(check: Check) -> None:
    line = check("--pidfile", os.fsdecode(b"/caf\xe9/\xff.pid"), code=1, PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    assert line == r"not running: nobody holds /caf\udce9/\udcff.pid"


def test_it_runs_as_the_console_script(check: Check, pidfile: PidFile) -> None:
    script = "import sys; sys.argv[1:1] = ['check']; from aioqueue.cli.entry import main; sys.exit(main())"
    command = check._commands("-c", script, "--pidfile", pidfile.path)
    assert command.code() == 1
    assert sys.executable not in command.output
