"""`aioqueue top`: on real terminals, of real queues."""

from __future__ import annotations

import asyncio
import re
import signal
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from aioqueue.cli.looking.facts import WorkerFacts
from aioqueue.cli.looking.pace import Pace
from tests.cli.asked import WORKER, Asked, error_line
from tests.cli.processes import Commands
from tests.cli.terminals import OnTerminal
from tests.core.stores import eventually
from tests.servers import redis_server

SHOWN_AGAIN, LEFT_ALTERNATE = "\x1b[?25h", "\x1b[?1049l"


@pytest.fixture
def asked(tmp_path: Path, shared_store_url: str) -> Asked:
    return Asked(tmp_path, shared_store_url)


@pytest.fixture
def sqlite_asked(tmp_path: Path) -> Asked:
    return Asked(tmp_path, f"sqlite:///{tmp_path}/queue.db")


async def enqueue(asked: Asked, count: int) -> None:
    async with asked.queue:
        await asked.add.map([(n, n) for n in range(count)])


# ---------------------------------------------------------------- one frame
def test_one_frame_shows_counts_and_workers(asked: Asked, commands: Commands) -> None:
    commands("-c", WORKER, "{'concurrency': 3}").wait_for("ready")
    job = asyncio.run(run_one(asked))
    answer = asked.ask("top", "app:queue", "--once", COLUMNS="120")
    assert answer.code == 0
    assert all(letter.isprintable() or letter == "\n" for letter in answer.out)
    assert re.search(r"^queued +scheduled +running +dead +done +failed +next due", answer.out, re.MULTILINE)
    assert re.search(r"^0 +0 +1 +0 ", answer.out, re.MULTILINE)
    assert re.search(r"^reports \(.*\) .* 1/3 .* MB +\d+ ms ", answer.out, re.MULTILINE)
    assert re.search(rf"^ +\S+ s +{job} +app\.until +reports", answer.out, re.MULTILINE)


async def run_one(asked: Asked) -> str:
    async with asked.queue as queue:
        job = await asked.until(str(asked.directory / "go"))

        async def told() -> bool:
            return bool((await queue.workers())[0].running)

        await eventually(told, 10)
        return job.id


def test_a_crowd_of_workers_and_jobs_fits_the_screen(sqlite_asked: Asked, commands: Commands) -> None:
    commands("-c", WORKER, "{'concurrency': 40}").wait_for("ready")

    async def run_many() -> None:
        async with sqlite_asked.queue as queue:
            await sqlite_asked.until.map([str(sqlite_asked.directory / "go")] * 40)

            async def told() -> bool:
                return (await queue.workers())[0].running_count == 40

            await eventually(told, 10)

    asyncio.run(run_many())
    shown = sqlite_asked.ask("top", "app:queue", "--once", COLUMNS="80", LINES="24").out.splitlines()
    assert len(shown) <= 24
    assert all(len(line) <= 80 for line in shown)
    assert re.fullmatch(r"and \d+ more jobs", shown[-1].strip())


# ---------------------------------------------------------------- live
def test_it_shows_what_changes_until_q(asked: Asked) -> None:
    asyncio.run(enqueue(asked, 3))
    with OnTerminal(asked, "top", "app:queue", "--interval", "0.05") as terminal:
        terminal.wait_for("q quits")
        terminal.wait_for("\n3 ")
        asyncio.run(enqueue(asked, 4_321))
        terminal.wait_for("4,324")
        asked.ask("pause", "app:queue")
        terminal.wait_for("paused: workers start nothing")
        assert terminal.modes != terminal.modes_before
        terminal.type("xq")
        assert terminal.code() == 0
        assert SHOWN_AGAIN in terminal.raw and LEFT_ALTERNATE in terminal.raw
        assert terminal.modes == terminal.modes_before


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name)
def test_signals_give_the_terminal_back(sqlite_asked: Asked, number: signal.Signals) -> None:
    asyncio.run(enqueue(sqlite_asked, 1))
    with OnTerminal(sqlite_asked, "top", "app:queue") as terminal:
        terminal.wait_for("q quits")
        terminal.process.send_signal(number)
        assert terminal.code() == 0
        assert SHOWN_AGAIN in terminal.raw and LEFT_ALTERNATE in terminal.raw
        assert terminal.modes == terminal.modes_before
        assert "Traceback" not in terminal.shown and "Aborted" not in terminal.shown


def test_a_terminal_that_is_slower_than_the_view_is_waited_for(sqlite_asked: Asked) -> None:
    asyncio.run(enqueue(sqlite_asked, 1))
    with OnTerminal(sqlite_asked, "top", "app:queue", "--interval", "0.01") as terminal:
        terminal.wait_for("q quits")
        with pytest.raises(subprocess.TimeoutExpired):  # what nobody reads fills up in half a second
            terminal.process.wait(1.5)
        terminal.type("q")
        assert terminal.code() == 0
        assert LEFT_ALTERNATE in terminal.raw


def test_it_ends_when_its_terminal_is_gone(sqlite_asked: Asked) -> None:
    asyncio.run(enqueue(sqlite_asked, 1))
    with OnTerminal(sqlite_asked, "top", "app:queue", "--interval", "600") as terminal:
        terminal.wait_for("q quits")
        terminal.hang_up()
        assert terminal.process.wait(10) == 0


def test_a_stopped_view_gives_the_terminal_back_and_goes_on(sqlite_asked: Asked) -> None:
    asyncio.run(enqueue(sqlite_asked, 1))
    with OnTerminal(sqlite_asked, "top", "app:queue", "--interval", "0.05") as terminal:
        terminal.wait_for("q quits")
        terminal.process.send_signal(signal.SIGTSTP)
        terminal.wait_for(LEFT_ALTERNATE)
        terminal.wait_until_stopped()
        assert terminal.modes == terminal.modes_before
        terminal.process.send_signal(signal.SIGCONT)
        terminal.wait_for("q quits")
        terminal.type("q")
        assert terminal.code() == 0


def test_a_server_that_is_lost_and_comes_back(tmp_path: Path) -> None:
    with redis_server() as server:
        asked = Asked(tmp_path, server.url)
        asyncio.run(enqueue(asked, 5))
        with OnTerminal(asked, "top", *asked.by_url, "--interval", "0.05") as terminal:
            terminal.wait_for("\n5 ")
            server.stop()
            terminal.wait_for("not reachable, trying on:")
            server.restart()
            asyncio.run(enqueue(asked, 7))
            terminal.wait_for("\n7 ")
            server.pause()
            terminal.type("q")
            assert terminal.code() == 0
            server.resume()


# ---------------------------------------------------------------- what cannot be drawn
def test_no_terminal_no_view(sqlite_asked: Asked) -> None:
    asyncio.run(enqueue(sqlite_asked, 1))
    answer = sqlite_asked.ask("top", "app:queue")
    assert answer.code == 2
    assert "--once" in error_line(answer)


def test_a_server_that_is_not_there_at_the_start(sqlite_asked: Asked) -> None:
    with OnTerminal(sqlite_asked, "top", "--url", "redis://127.0.0.1:1") as terminal:
        assert terminal.code() == 3
        assert LEFT_ALTERNATE not in terminal.raw
        assert terminal.shown.startswith("Error: ")
    assert sqlite_asked.ask("top", "--url", "redis://127.0.0.1:1", "--once").code == 3


@pytest.mark.parametrize("interval", ["0", "-1", "nan", "x"])
def test_an_interval_is_more_than_nothing(sqlite_asked: Asked, interval: str) -> None:
    answer = sqlite_asked.ask("top", "app:queue", "--interval", interval)
    assert answer.code == 2
    assert "--interval" in error_line(answer)


# ---------------------------------------------------------------- how fast
START = datetime(2030, 1, 1, tzinfo=UTC)


def sign(seconds: float, processed: int, failed: int = 0, *, alive: bool = True, id: str = "w") -> WorkerFacts:
    return WorkerFacts(
        id, "", "q", "h", 1, "0", START, START + timedelta(seconds=seconds), 0.0, 30.0, 1, "", False, alive, alive,
        [], 0, processed, failed, 0, 0.0, 0,
    )  # fmt: skip


def test_the_pace_is_the_average_at_first_and_then_that_of_the_last_signs() -> None:
    pace = Pace()
    pace.note([sign(0, 0)])
    assert pace.of(sign(0, 0)) == (0.0, 0.0)
    pace.note([sign(100, 200, 50)])
    assert pace.of(sign(100, 200, 50)) == (2.0, 0.5)
    pace.note([sign(100, 200, 50)])
    for seconds, processed in ((105, 300), (110, 300), (115, 400)):
        pace.note([sign(seconds, processed, 50)])
    assert pace.of(sign(115, 400, 50)) == (10.0, 0.0)


def test_the_silent_and_the_unknown_have_no_pace() -> None:
    pace = Pace()
    pace.note([sign(10, 100)])
    assert pace.of(sign(10, 100, alive=False)) == (0.0, 0.0)
    assert pace.of(sign(10, 100, id="other")) == (0.0, 0.0)
    pace.note([])
    assert pace.of(sign(10, 100)) == (0.0, 0.0)
