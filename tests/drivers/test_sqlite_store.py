"""What is SQLite's own: one file under several processes, its thread, its doorbells and its faults."""

from __future__ import annotations

import asyncio
import errno
import os
import re
import shutil
import signal
import socket
import sqlite3
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from pathlib import Path
from textwrap import dedent
from typing import Any
from unittest.mock import Mock

import pytest

from aioqueue.drivers.base import Admitted, Claim, Finished, NewJob, Settled
from aioqueue.drivers.sqlite import SqliteDriver, bell, faults, gate, layout, ringing, writer
from aioqueue.drivers.sqlite.statements import STATEMENTS
from aioqueue.drivers.sqlite.transaction import Transaction
from aioqueue.errors import ConfigurationError, StoreUnavailable
from aioqueue.states import JobState

PATIENCE = 30.0
FOREVER = 3_600.0


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "queue.db"


@asynccontextmanager
async def opened(path: Path, queue: str = "default") -> AsyncIterator[SqliteDriver]:
    driver = SqliteDriver(str(path), queue)
    await driver.open()
    try:
        yield driver
    finally:
        await driver.close()


@asynccontextmanager
async def child(program: str, *arguments: object, **environment: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run a program in a process of its own, with the same aioqueue and with warnings as errors."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-W", "error", "-c", PRELUDE + dedent(program), *map(str, arguments)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), **environment},
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


PRELUDE = """
import asyncio, os, sys
from aioqueue.drivers.base import Finished, NewJob
from aioqueue.drivers.sqlite import SqliteDriver
from aioqueue.states import JobState

def say(*words):
    print(*words, flush=True)
"""


async def heard(process: asyncio.subprocess.Process) -> str:
    assert process.stdout
    async with asyncio.timeout(PATIENCE):
        return (await process.stdout.readline()).decode().strip()


def tell(process: asyncio.subprocess.Process) -> None:
    assert process.stdin
    process.stdin.write(b"\n")


@contextmanager
def raw(path: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(path, isolation_level=None, timeout=PATIENCE)) as connection:
        yield connection


def value_of(path: Path, statement: str) -> Any:
    with raw(path) as connection:
        return connection.execute(statement).fetchone()[0]


def gate_of(path: Path) -> Path:
    return path.with_name(f"{path.name}-gate")


def plain(*ids: str) -> list[NewJob]:
    return [NewJob(job_id, "task", b"payload") for job_id in ids]


def success(claim: Claim, outcome: bytes = b"value") -> Finished:
    return Finished(claim.id, claim.token, JobState.SUCCEEDED, outcome, result_ttl=60)


async def run_one(driver: SqliteDriver, job_id: str) -> Claim:
    await driver.register("worker", 30, b"")
    await driver.enqueue(plain(job_id))
    (claim,) = (await driver.claim("worker", 1, 1, 1)).jobs
    return claim


async def idle(driver: SqliteDriver) -> asyncio.Task[None]:
    """Have a worker wait for nothing but a ring."""
    await driver.wait("idle", 0)  # the first may return for nothing
    await driver.wait("idle", 0)
    waiting = asyncio.create_task(driver.wait("idle", FOREVER))
    await asyncio.sleep(0.01)
    assert not waiting.done()
    return waiting


async def ends(waiting: asyncio.Task[None]) -> None:
    async with asyncio.timeout(PATIENCE):
        await waiting


class Listener:
    """Remembers what was pushed."""

    def __init__(self) -> None:
        self.pushed: asyncio.Queue[Settled | None] = asyncio.Queue()

    async def start(self, driver: SqliteDriver) -> None:
        await driver.listen(lambda _, settled: self.pushed.put_nowait(settled), lambda: None)

    async def hears(self) -> Settled | None:
        async with asyncio.timeout(PATIENCE):
            return await self.pushed.get()


# ---------------------------------------------------------------- processes
@pytest.mark.asyncio
async def test_another_process_ends_a_wait(path: Path) -> None:
    program = """
        async def main():
            driver = SqliteDriver(sys.argv[1])
            await driver.open()
            say("ready")
            await asyncio.to_thread(sys.stdin.readline)
            await driver.enqueue([NewJob("a", "task", b"")])
            await driver.close()
        asyncio.run(main())
    """
    async with opened(path) as driver, child(program, path) as process:
        assert await heard(process) == "ready"
        waiting = await idle(driver)
        tell(process)
        await ends(waiting)
        assert await driver.state("a") is JobState.QUEUED
        assert await process.wait() == 0


@pytest.mark.asyncio
async def test_a_result_is_pushed_from_another_process(path: Path) -> None:
    program = """
        async def main():
            driver = SqliteDriver(sys.argv[1])
            await driver.open()
            await driver.register("child", 30, b"")
            (claim,) = (await driver.claim("child", 1, 1, 1)).jobs
            say("ready")
            await asyncio.to_thread(sys.stdin.readline)
            await driver.settle("child", [Finished(claim.id, claim.token, JobState.SUCCEEDED, b"value", 60)])
            await driver.close()
        asyncio.run(main())
    """
    async with opened(path) as driver:
        await driver.enqueue(plain("a"))
        listener = Listener()
        await listener.start(driver)
        async with child(program, path) as process:
            assert await heard(process) == "ready"
            assert await driver.watch(["a"], 60) == [None]
            tell(process)
            assert await listener.hears() == Settled("a", JobState.SUCCEEDED, b"value")
            assert await process.wait() == 0
        await driver.results([])  # behind the receipt for what was pushed
    assert value_of(path, "SELECT count(*) FROM waiters") == 0


@pytest.mark.asyncio
async def test_a_kill_in_mid_transaction_loses_nothing_acknowledged(path: Path) -> None:
    program = """
        async def main():
            driver = SqliteDriver(sys.argv[1])
            await driver.open()
            await driver.register("child", 30, b"")
            async def one(name):
                for n in range(10**6):
                    job_id = f"{sys.argv[2]}-{name}-{n}"
                    await driver.enqueue([NewJob(job_id, "task", b"x" * 500)])
                    say(job_id)
            async def settle():
                for n in range(10**6):
                    claimed = await driver.claim("child", n, 5, 1)
                    await driver.settle("child", [Finished(c.id, c.token, JobState.SUCCEEDED) for c in claimed.jobs])
            await asyncio.gather(*(one(name) for name in range(10)), settle())
        asyncio.run(main())
    """
    acknowledged: list[str] = []
    for generation in range(3):
        async with child(program, path, generation) as process:
            acknowledged += [await heard(process) for _ in range(200)]
            process.send_signal(signal.SIGKILL)
            assert process.stdout
            acknowledged += (await process.stdout.read()).decode().rpartition("\n")[0].split()
    assert value_of(path, "PRAGMA integrity_check") == "ok"
    async with opened(path) as driver:
        assert JobState.UNKNOWN not in [await driver.state(job_id) for job_id in acknowledged]
        assert value_of(path, "SELECT count(*) FROM bells") == 1  # the dead ones were found at the roll call


@pytest.mark.asyncio
async def test_no_job_is_given_to_two_of_many_processes(path: Path) -> None:
    program = """
        async def main():
            me, driver = sys.argv[2], SqliteDriver(sys.argv[1])
            await driver.open()
            await driver.register(me, 30, b"")
            await driver.enqueue([NewJob(f"{me}-{n}", "task", b"") for n in range(100)])
            batch = 0
            while True:
                batch += 1
                claims = (await driver.claim(me, batch, 7, 1)).jobs
                if not claims:
                    break
                outcomes = [Finished(claim.id, claim.token, JobState.SUCCEEDED) for claim in claims]
                assert await driver.settle(me, outcomes) == ["settled"] * len(claims)
                for claim in claims:
                    print(claim.id)
            await driver.close()
        asyncio.run(main())
    """

    async def ran(name: int) -> list[str]:
        async with child(program, path, name) as process:
            output, _ = await process.communicate()
            assert process.returncode == 0
            return output.decode().split()

    runs = [job_id for ids in await asyncio.gather(*map(ran, range(8))) for job_id in ids]
    assert len(runs) == len(set(runs)) == 800
    assert value_of(path, "PRAGMA integrity_check") == "ok"


@pytest.mark.asyncio
async def test_a_driver_that_nobody_closed_lets_the_interpreter_exit(path: Path) -> None:
    program = """
        driver = SqliteDriver(sys.argv[1])
        async def main():
            await driver.open()
            await driver.enqueue([NewJob("a", "task", b"")])
        asyncio.run(main())
    """
    async with child(program, path) as process, asyncio.timeout(PATIENCE):
        assert await process.wait() == 0
    async with opened(path) as driver:
        assert await driver.state("a") is JobState.QUEUED


@pytest.mark.asyncio
@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
async def test_a_forked_process_opens_anew_and_leaves_its_parent_alone(path: Path) -> None:
    program = """
        import threading, warnings
        warnings.filterwarnings("ignore", "This process .* is multi-threaded", DeprecationWarning)
        driver = SqliteDriver(sys.argv[1])

        async def parent():
            await driver.open()
            await driver.wait("parent", 0)
            await driver.wait("parent", 0)
            go, done = os.pipe(), threading.Event()
            pid = os.fork()
            if pid == 0:
                asyncio._set_running_loop(None)
                thread = threading.Thread(target=asyncio.run, args=[in_child()])
                thread.start()
                thread.join()
                os._exit(0)
            await driver.wait("parent", 60)
            assert (await driver.counts())["queued"] == 1
            assert os.waitpid(pid, 0)[1] == 0
            await driver.close()
            say("well")

        async def in_child():
            await driver.open()
            await driver.enqueue([NewJob("a", "task", b"")])
            await driver.close()

        asyncio.run(parent())
    """
    async with child(program, path) as process:
        assert await heard(process) == "well"


# ---------------------------------------------------------------- loops and threads
def test_a_driver_left_open_in_a_closed_loop_opens_in_the_next(path: Path) -> None:
    driver = SqliteDriver(str(path))

    async def leave() -> None:
        await driver.open()
        await driver.wait("worker", 0)
        await driver.listen(lambda _, __: None, lambda: None)
        await driver.enqueue(plain("a"))

    async def come_back() -> None:
        await driver.open()
        assert await driver.state("a") is JobState.QUEUED
        await driver.close()

    asyncio.run(leave())
    asyncio.run(come_back())


@pytest.mark.asyncio
async def test_an_open_driver_refuses_another_running_loop(path: Path) -> None:
    async with opened(path) as driver:
        with pytest.raises(ConfigurationError, match="clone"):
            await asyncio.to_thread(lambda: asyncio.run(driver.open()))


@pytest.mark.asyncio
async def test_a_closed_driver_says_so(path: Path) -> None:
    async with opened(path) as driver:
        waiting = await idle(driver)
    await ends(waiting)
    with pytest.raises(StoreUnavailable, match="not open"):
        await driver.enqueue(plain("a"))


@pytest.mark.asyncio
async def test_what_was_handed_over_is_finished_before_closing(path: Path) -> None:
    async with opened(path) as driver:
        enqueues = [asyncio.create_task(driver.enqueue(plain(str(n)))) for n in range(50)]
        await asyncio.sleep(0)
    assert await asyncio.gather(*enqueues) == [[Admitted("accepted", str(n))] for n in range(50)]


@pytest.mark.asyncio
async def test_cancelled_callers_leave_the_thread_at_work(path: Path) -> None:
    async with opened(path) as driver:
        for n in range(3_000):  # more than may wait for the thread
            call = asyncio.create_task(driver.enqueue(plain(str(n))))
            await asyncio.sleep(0)
            call.cancel()
        assert await driver.enqueue(plain("last")) == [Admitted("accepted", "last")]


@pytest.mark.asyncio
async def test_one_failing_operation_of_a_group_fails_alone(path: Path) -> None:
    def fail(transaction: Transaction) -> None:
        transaction.execute("is_paused")
        transaction.connection.execute("DELETE FROM jobs")
        raise ZeroDivisionError

    async with opened(path) as driver:
        await driver.enqueue(plain("before"))
        answers = await asyncio.gather(
            driver.enqueue(plain("a")),
            driver._store.write(fail),
            driver.enqueue(plain("b")),
            return_exceptions=True,
        )
        assert [type(answer) for answer in answers] == [list, ZeroDivisionError, list]
        assert await driver.counts() == {"queued": 3, "scheduled": 0, "running": 0, "dead": 0}


# ---------------------------------------------------------------- doorbells
@pytest.mark.asyncio
async def test_bells_ring_between_drivers_of_one_process(path: Path) -> None:
    async with opened(path) as worker, opened(path) as caller, opened(path, "other") as other:
        waiting, deaf = await idle(worker), await idle(other)
        await caller.enqueue(plain("a"))
        await ends(waiting)
        assert not deaf.done()
        deaf.cancel()


@pytest.mark.asyncio
async def test_without_sockets_the_file_is_polled(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bell, "_bound_socket", lambda _: None)
    async with opened(path) as worker, opened(path) as caller:
        waiting, listener = await idle(worker), Listener()
        await listener.start(caller)
        await caller.enqueue(plain("a"))
        await ends(waiting)
        await caller.watch(["a"], 60)
        await worker.register("worker", 30, b"")
        (claim,) = (await worker.claim("worker", 1, 1, 1)).jobs
        await worker.settle("worker", [success(claim)])
        assert await listener.hears() == Settled("a", JobState.SUCCEEDED, b"value")


@pytest.fixture
def bells(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The directory of all bells of this test. The name of a socket must be short, so it is not below `tmp_path`."""
    with tempfile.TemporaryDirectory(prefix="aq") as folder:
        monkeypatch.setattr(tempfile, "tempdir", folder)
        yield Path(folder) / f"aioqueue-{os.getuid()}"


def mode_of(directory: Path) -> int:
    return directory.stat().st_mode & 0o777


def names_in(directory: Path) -> set[str]:
    return {entry.name for entry in directory.iterdir()}


@pytest.mark.asyncio
async def test_bells_are_taken_down(path: Path, tmp_path: Path, bells: Path) -> None:
    async with opened(path), opened(tmp_path / "other.db"):
        assert Path(value_of(path, "SELECT address FROM bells")).parent == bells
        assert mode_of(bells) == 0o700
        assert len(names_in(bells)) == 2
    assert names_in(bells) == set()
    assert value_of(path, "SELECT count(*) FROM bells") == 0


@pytest.mark.asyncio
async def test_dead_bells_of_files_that_nobody_opens_any_more_are_removed(
    path: Path, tmp_path: Path, bells: Path
) -> None:
    program = """
        async def main():
            await SqliteDriver(sys.argv[1]).open()
            say("open")
            await asyncio.sleep(3600)
        asyncio.run(main())
    """
    gone = tmp_path / "gone.db"
    async with child(program, gone, TMPDIR=str(bells.parent)) as process:
        assert await heard(process) == "open"
        (dead,) = (bells / name for name in names_in(bells))
        os.utime(dead, (0, 0))
        async with opened(path):
            assert dead.exists()  # somebody is behind it
        process.kill()
        await process.wait()
    gone.unlink()
    async with opened(path):
        assert not dead.exists()
    assert names_in(bells) == set()


@pytest.mark.asyncio
async def test_what_may_be_no_dead_bell_is_left(path: Path, bells: Path) -> None:
    """A socket that is about to be bound is refused like a dead one, but is young."""
    await asyncio.to_thread(bells.mkdir, 0o700)
    kept = {name: bells / name for name in ("young", "live", "file")}
    sockets = {name: socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) for name in ("young", "live")}
    for name, each in sockets.items():
        each.bind(str(kept[name]))
    sockets["young"].close()
    kept["file"].write_text("mine")
    for name in ("live", "file"):
        os.utime(kept[name], (0, 0))
    async with opened(path):
        assert kept.keys() < names_in(bells)
    os.utime(kept["young"], (0, 0))
    sockets["live"].close()
    async with opened(path):
        assert kept.keys() & names_in(bells) == {"file"}


@pytest.mark.asyncio
async def test_drivers_that_open_and_close_at_once_all_get_a_bell(path: Path, bells: Path) -> None:
    def hang_and_take_down() -> int:
        loop = asyncio.new_event_loop()
        mute = 0
        for _ in range(100):
            one = bell.Bell()
            mute += one.is_mute
            one.close(loop)
        loop.close()
        return mute

    assert await asyncio.gather(*(asyncio.to_thread(hang_and_take_down) for _ in range(4))) == [0] * 4
    assert names_in(bells) == set()


@pytest.mark.asyncio
async def test_a_dead_bell_is_forgotten_when_it_is_rung(path: Path) -> None:
    async with opened(path) as driver:
        await idle_and_cancel(driver)
        with raw(path) as connection:
            own = value_of(path, "SELECT address FROM bells")
            lost = Path(own).with_name("lost-" + own.rpartition("-")[2])
            connection.execute("INSERT INTO bells (queue, address, hears_jobs) VALUES (1, ?, 1)", [str(lost)])
        await driver.enqueue(plain("a"))
        await driver.now()  # behind the ring
        assert value_of(path, "SELECT count(*) FROM bells") == 1


@pytest.mark.asyncio
async def test_who_cannot_see_a_bell_leaves_it_to_those_who_can(path: Path, bells: Path) -> None:
    """Another mount namespace or container has another folder at the same path."""
    elsewhere = bells.parent.with_name(bells.parent.name + "-elsewhere")
    async with opened(path) as worker, opened(path) as friend:
        await worker.subscribe("topic", lambda *_: None)
        waiting = await idle(worker)
        bells.parent.rename(elsewhere)
        bells.parent.mkdir()
        async with opened(path) as stranger:
            await stranger.enqueue(plain("a"))
            await stranger.publish("topic", b"")
            await stranger.now()  # behind the rings
        shutil.rmtree(bells.parent)
        elsewhere.rename(bells.parent)
        assert await friend.publish("topic", b"") == 1
        await friend.enqueue(plain("b"))
        await ends(waiting)


@pytest.mark.asyncio
async def test_only_so_many_bells_out_of_sight_are_kept(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ringing, "BELLS_KEPT", 3)
    async with opened(path):
        with raw(path) as connection:
            rows = [[f"/nowhere/of/ours-{number}"] for number in range(10)]
            connection.executemany("INSERT INTO bells (queue, address) VALUES (1, ?)", rows)
        async with opened(path):
            assert value_of(path, "SELECT count(*) FROM bells") == 3


@pytest.mark.asyncio
async def test_a_file_that_is_no_bell_of_ours_is_never_removed(path: Path, tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("mine")
    async with opened(path) as driver:
        with raw(path) as connection:
            connection.execute("INSERT INTO bells (queue, address, hears_jobs) VALUES (1, ?, 1)", [str(precious)])
        await driver.enqueue(plain("a"))
        await driver.now()
        assert value_of(path, "SELECT count(*) FROM bells") == 1
    assert precious.read_text() == "mine"


async def idle_and_cancel(driver: SqliteDriver) -> None:
    waiting = await idle(driver)
    waiting.cancel()
    await asyncio.wait({waiting})


# ---------------------------------------------------------------- the file
@pytest.mark.asyncio
async def test_a_missing_directory_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="missing"):
        await SqliteDriver(str(tmp_path / "missing" / "queue.db")).open()


def test_a_file_that_is_no_database_is_refused(path: Path) -> None:
    path.write_text("This is a letter, not a database. " * 100)
    with pytest.raises(ConfigurationError, match="not a SQLite database"):
        asyncio.run(SqliteDriver(str(path)).open())


@pytest.mark.asyncio
async def test_a_directory_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be opened"):
        await SqliteDriver(str(tmp_path)).open()


def test_the_database_of_another_application_is_left_alone(path: Path) -> None:
    with raw(path) as connection:
        connection.execute("CREATE TABLE jobs (id)")
    before = path.read_bytes()
    with pytest.raises(ConfigurationError, match="another application"):
        asyncio.run(SqliteDriver(str(path)).open())
    assert path.read_bytes() == before


@pytest.mark.asyncio
async def test_a_newer_layout_is_refused(path: Path) -> None:
    async with opened(path):
        pass
    with raw(path) as connection:
        connection.execute(f"PRAGMA user_version = {layout.LAYOUT_VERSION + 1}")
    with pytest.raises(ConfigurationError, match="upgrade aioqueue"):
        await SqliteDriver(str(path)).open()


@pytest.mark.asyncio
async def test_many_may_create_the_file_at_once(path: Path) -> None:
    drivers = [SqliteDriver(str(path)) for _ in range(8)]
    await asyncio.gather(*(driver.open() for driver in drivers))
    assert await asyncio.gather(*(driver.enqueue(plain("a")) for driver in drivers))
    await asyncio.gather(*(driver.close() for driver in drivers))


@pytest.mark.asyncio
async def test_commits_are_on_disk(path: Path) -> None:
    async with opened(path) as driver:
        settings = [
            await driver._store.read(lambda t, name=name: t.connection.execute(f"PRAGMA {name}").fetchone()[0])
            for name in ("journal_mode", "synchronous")
        ]
    assert settings == ["wal", 2]


@pytest.mark.asyncio
async def test_a_full_file_refuses_new_jobs_and_lets_running_ones_end(path: Path) -> None:
    def limit(transaction: Transaction, pages: int) -> None:
        transaction.connection.execute(f"PRAGMA max_page_count = {pages}")

    async with opened(path) as driver:
        claim = await run_one(driver, "running")
        await driver._store.read(limit, 1)
        large = [NewJob("large", "task", bytes(100_000))]
        refused, settled = await asyncio.gather(
            driver.enqueue(large), driver.settle("worker", [success(claim)]), return_exceptions=True
        )
        assert isinstance(refused, StoreUnavailable)
        assert "full" in str(refused)
        assert settled == ["settled"]
        await driver._store.read(limit, 1_000_000)
        assert await driver.enqueue(large) == [Admitted("accepted", "large")]


@pytest.mark.asyncio
@pytest.mark.parametrize("files", ["queue.db*", "queue.db"])
async def test_a_file_that_was_removed_is_begun_anew(path: Path, files: str, caplog: pytest.LogCaptureFixture) -> None:
    heard = asyncio.Event()
    async with opened(path) as driver, opened(path) as other:
        await driver.subscribe("topic", lambda *_: heard.set())
        await idle_and_cancel(driver)
        await driver.enqueue(plain("a"))
        for file in path.parent.glob(files):
            file.unlink()
        await driver.register("worker", 30, b"")
        assert "was removed or replaced" in caplog.text
        assert await other.counts() == {"queued": 0, "scheduled": 0, "running": 0, "dead": 0}
        assert [lease.incarnation for lease in await other.leases()] == ["worker"]
        async with asyncio.timeout(PATIENCE):
            while await other.publish("topic", b"") == 0:  # noqa: ASYNC110 -- it subscribes again behind our back
                await asyncio.sleep(0.001)
            await heard.wait()
        waiting = await idle(driver)
        await other.enqueue(plain("b"))
        await ends(waiting)
        (claim,) = (await driver.claim("worker", 1, 9, 1)).jobs
        assert claim.id == "b"


@pytest.mark.asyncio
async def test_a_directory_that_was_removed_is_waited_for(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "PURGE_EVERY", 0.0)
    folder = path.parent / "volume"
    folder.mkdir()
    async with opened(folder / "queue.db") as driver:
        await driver.put("key", b"1")
        shutil.rmtree(folder)
        for _ in range(3):
            for operation in (driver.get("key"), driver.put("key", b"2")):
                with pytest.raises(StoreUnavailable, match=r"^the SQLite file .*queue\.db[^\n]*$"):
                    await operation
        with (path.parent / "mine").open("w") as mine:  # gets the number of whatever was closed too much
            folder.mkdir()
            await driver.put("key", b"3")
            assert await driver.get("key") == b"3"
            mine.write("whole")
    assert (path.parent / "mine").read_text() == "whole"


@pytest.mark.asyncio
async def test_the_files_beside_it_may_be_removed(path: Path) -> None:
    async with opened(path) as driver:
        for round_ in range(3):
            gate_of(path).unlink()
            await driver.put("key", bytes([round_]))
        assert await driver.get("key") == b"\x02"


@pytest.mark.asyncio
async def test_a_gate_that_cannot_be_made_again_is_told(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with opened(path) as driver:
        gate_of(path).unlink()
        with monkeypatch.context() as full:
            full.setattr(gate.os, "open", Mock(side_effect=OSError(errno.ENOSPC, "No space left on device", "gate")))
            with pytest.raises(StoreUnavailable, match="No space left on device"):
                await driver.put("key", b"1")
        await driver.put("key", b"2")
        assert await driver.get("key") == b"2"


@pytest.mark.asyncio
async def test_a_thread_that_breaks_leaves_nobody_waiting(
    path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    driver = SqliteDriver(str(path))
    await driver.open()
    with monkeypatch.context() as broken:
        broken.setattr(writer, "purge", Mock(side_effect=RuntimeError("a bug")))
        broken.setattr(writer, "PURGE_EVERY", 0.0)
        driver._opened._writer._purge_at = 0.0  # type: ignore[union-attr]
        await driver.put("key", b"1")
        async with asyncio.timeout(PATIENCE):
            answers = await asyncio.gather(*(driver.get("key") for _ in range(2_000)), return_exceptions=True)
    assert {type(answer) for answer in answers} == {StoreUnavailable}
    assert "a bug" in caplog.text
    await driver.close()
    async with opened(path) as other:
        assert await other.get("key") == b"1"


@pytest.mark.asyncio
async def test_a_locked_file_is_waited_for(path: Path) -> None:
    async with opened(path) as driver:
        with raw(path) as connection:
            connection.execute("BEGIN IMMEDIATE")
            enqueue = asyncio.create_task(driver.enqueue(plain("a")))
            await asyncio.sleep(0.05)
            assert not enqueue.done()
            connection.execute("COMMIT")
        assert await enqueue == [Admitted("accepted", "a")]


@pytest.mark.asyncio
async def test_a_file_locked_for_too_long_is_unavailable(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with opened(path) as driver:
        monkeypatch.setattr(faults, "PATIENCE", 0.05)
        with raw(path) as connection:
            connection.execute("BEGIN IMMEDIATE")
            with pytest.raises(StoreUnavailable, match="locked"):
                await driver.enqueue(plain("a"))
            assert await driver.state("a") is JobState.UNKNOWN  # reading needs no lock
            connection.execute("COMMIT")
        assert await driver.enqueue(plain("a")) == [Admitted("accepted", "a")]


@pytest.mark.asyncio
async def test_what_has_expired_leaves_the_file(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "PURGE_EVERY", -1.0)
    async with opened(path) as driver:
        claim = await run_one(driver, "a")
        await driver.settle("worker", [success(claim)])
        await driver.enqueue(plain("b"))
        await driver.watch(["b"], 60)
        await driver.shift(100_000)
        await driver.now()
        for table in ("settled", "waiters"):
            assert value_of(path, f"SELECT count(*) FROM {table}") == 0


NAMED = [name for name in STATEMENTS if name != "schema"]
# Waiters and subscriptions: only when a dead bell is taken down.
FEW_ROWS = {"bells", "tokens", "waiters", "subscriptions", "json_each", "CONSTANT"}


@pytest.mark.parametrize("name", NAMED)
def test_every_lookup_uses_an_index(name: str) -> None:
    statement = STATEMENTS[name]
    values: Any = dict.fromkeys(re.findall(r":(\w+)", statement)) or [None] * statement.count("?")
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        layout._create(connection)
        plan = [row[3].split() for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}", values)]
    assert not [step for step in plan if step[0] == "SCAN" and step[1] not in FEW_ROWS]
