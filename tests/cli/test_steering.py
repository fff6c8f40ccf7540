"""The commands that steer a queue, as a user runs them: real stores, real processes, real workers."""

from __future__ import annotations

import asyncio
import re
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from aioqueue import JobState, Result, TaskCancelled
from tests.cli.asked import WORKER, Asked, error_line
from tests.cli.processes import Command, Commands
from tests.cli.terminals import OnTerminal
from tests.core.stores import eventually

STEERING = ("replay", "cancel", "revoke", "restore", "pause", "resume", "purge")


@pytest.fixture
def asked(tmp_path: Path, shared_store_url: str) -> Asked:
    return Asked(tmp_path, shared_store_url)


@pytest.fixture
def sqlite_asked(tmp_path: Path) -> Asked:
    return Asked(tmp_path, f"sqlite:///{tmp_path}/queue.db")


def worker(commands: Commands, options: str = "{}") -> Command:
    command = commands("-c", WORKER, options)
    command.wait_for("ready")
    return command


def ask(asked: Asked, *arguments: str) -> Any:
    return asyncio.to_thread(asked.ask, *arguments)


async def became(result: Result[Any], state: JobState) -> None:
    async def is_so() -> bool:
        return await result.state() is state

    await eventually(is_so, 10)


# ---------------------------------------------------------------- cancel
@pytest.mark.asyncio
async def test_jobs_are_cancelled_wherever_they_stand(asked: Asked, commands: Commands) -> None:
    async with asked.queue:
        await asyncio.to_thread(worker, commands, "{'concurrency': 1}")
        running = await asked.until(str(asked.directory / "go"))
        await became(running, JobState.RUNNING)
        queued, late = await asked.add(1, 2), await asked.add.options(delay=900)(1, 2)
        answer = await ask(asked, "cancel", "app:queue", queued.id, late.id, running.id, "--yes", "--json")
        assert answer.code == 0
        assert [(deed["kind"], deed["name"], deed["done"]) for deed in answer.json["deeds"]] == [
            ("job", result.id, True) for result in (queued, late, running)
        ]
        assert [deed["answer"] for deed in answer.json["deeds"][:2]] == ["cancelled"] * 2
        for result in (queued, late, running):
            with pytest.raises(TaskCancelled):
                await result.get(timeout=10)
        again = await ask(asked, "cancel", *asked.by_url, queued.id, "nobody", "--yes")
        assert (again.code, again.out) == (1, "")
        assert again.err == f"job {queued.id}: has been cancelled before\njob nobody: unknown\n"


@pytest.mark.asyncio
async def test_a_job_that_waits_for_another_is_cancelled(asked: Asked, commands: Commands) -> None:
    async with asked.queue as queue:
        first, second = await queue.enqueue(asked.add.s(1, 2).then(asked.add, 3))
        answer = await ask(asked, "cancel", "app:queue", second.id, "-y")
        assert answer.out == f"job {second.id}: is dropped when its turn comes\n"
        await asyncio.to_thread(worker, commands)
        assert await first.get(timeout=10) == 3
        with pytest.raises(TaskCancelled):
            await second.get(timeout=10)


# ---------------------------------------------------------------- revoke and restore
@pytest.mark.asyncio
async def test_a_revoked_job_is_dropped_and_a_restored_one_runs(asked: Asked, commands: Commands) -> None:
    async with asked.queue:
        one, other = await asked.add(1, 2), await asked.add(3, 4)
        answer = await ask(asked, "revoke", "app:queue", one.id, other.id, "-y")
        assert (
            answer.out
            == f"job {one.id}: is dropped when its turn comes\njob {other.id}: is dropped when its turn comes\n"
        )
        assert await one.is_revoked() and await other.is_revoked()
        restored = await ask(asked, "restore", *asked.by_url, other.id, "--json")
        assert restored.json["deeds"][0]["answer"] == "is let in again"
        await asyncio.to_thread(worker, commands)
        assert await other.get(timeout=10) == 7
        with pytest.raises(TaskCancelled, match="revoked"):
            await one.get(timeout=10)
        late = await ask(asked, "revoke", "app:queue", one.id, other.id, "nobody", "-y")
        assert late.code == 1
        assert (
            late.err
            == f"job {one.id}: has been cancelled before\njob {other.id}: has succeeded before\njob nobody: unknown\n"
        )
        assert (await ask(asked, "restore", "app:queue", other.id)).out == f"job {other.id}: was not revoked\n"
        assert (await ask(asked, "restore", "app:queue", "nobody")).code == 1


@pytest.mark.asyncio
async def test_a_running_job_goes_on_when_it_is_revoked(sqlite_asked: Asked, commands: Commands) -> None:
    async with sqlite_asked.queue:
        await asyncio.to_thread(worker, commands)
        running = await sqlite_asked.until(str(sqlite_asked.directory / "go"))
        await became(running, JobState.RUNNING)
        answer = await ask(sqlite_asked, "revoke", "app:queue", running.id, "-y")
        assert "is running and goes on" in answer.out
        (sqlite_asked.directory / "go").touch()
        assert await running.get(timeout=10) == "reached"


@pytest.mark.asyncio
async def test_a_task_is_revoked_until_it_is_restored(asked: Asked, commands: Commands) -> None:
    async with asked.queue:
        await asyncio.to_thread(worker, commands)
        assert (await ask(asked, "revoke", "app:queue", "--task", "app.add", "-y")).code == 0
        with pytest.raises(TaskCancelled, match="revoked"):
            await (await asked.add(1, 2)).get(timeout=10)
        answer = await ask(asked, "restore", *asked.by_url, "--task", "app.add")
        assert answer.out == "task app.add: its jobs run again\n"
        assert await (await asked.add(1, 2)).get(timeout=10) == 3
        assert "was not revoked" in (await ask(asked, "restore", "app:queue", "--task", "app.add")).out


@pytest.mark.asyncio
async def test_the_next_job_of_a_task_is_revoked_once(asked: Asked, commands: Commands) -> None:
    async with asked.queue:
        await asyncio.to_thread(worker, commands)
        answer = await ask(asked, "revoke", *asked.by_url, "--task", "app.add", "--once", "-y")
        assert answer.out == "task app.add: its next job is dropped, until it is restored\n"
        with pytest.raises(TaskCancelled, match="revoked"):
            await (await asked.add(1, 2)).get(timeout=10)
        assert await (await asked.add(1, 2)).get(timeout=10) == 3


@pytest.mark.asyncio
async def test_a_task_is_revoked_until_a_time(asked: Asked) -> None:
    async with asked.queue as queue:
        until = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1)
        answer = await ask(
            asked, "revoke", "app:queue", "--task", "app.add", "--until", until.isoformat(), "-y", "--json"
        )
        assert answer.json["deeds"][0]["done"]
        driver = (await queue.session()).driver
        (mark,) = await driver.revocations(["task:app.add"])
        assert mark is not None and mark.until == until.timestamp()
        await driver.shift(3_601)
        assert not await asked.add.is_revoked()


# ---------------------------------------------------------------- pause and resume
@pytest.mark.asyncio
async def test_pause_and_resume_reach_every_worker_at_once(asked: Asked, commands: Commands) -> None:
    """The workers poll every hundred seconds only: what they learn sooner was pushed to them."""
    async with asked.queue as queue:
        for _ in range(3):
            await asyncio.to_thread(worker, commands, "{'concurrency': 1, 'lease': 30}")
        for _ in range(9):
            assert await asked.add.call(1, 2) == 3
        answer = await ask(asked, "pause", "app:queue")
        assert answer.out == f"queue {queue.name!r} is paused: workers start nothing until it is resumed\n"
        assert "was paused already" in (await ask(asked, "pause", *asked.by_url)).out
        held = [await asked.until(str(asked.directory / "go")) for _ in range(3)]
        await asyncio.sleep(0.3)
        assert [await result.state() for result in held] == [JobState.QUEUED] * 3
        resumed = await ask(asked, "resume", *asked.by_url, "--json")
        since = time.monotonic()
        assert (resumed.json["paused"], resumed.json["changed"]) == (False, True)
        for result in held:
            await became(result, JobState.RUNNING)
        assert time.monotonic() - since < 5
        paused = await ask(asked, "pause", "app:queue", "--json")
        assert paused.json["paused"] and 1 <= paused.json["running"] <= 3
        # A job that was claimed ahead and not begun is handed back, and waits until the queue is resumed.
        assert "is resumed" in (await ask(asked, "resume", "app:queue")).out
        (asked.directory / "go").touch()
        assert [await result.get(timeout=10) for result in held] == ["reached"] * 3
        assert "was not paused" in (await ask(asked, "resume", "app:queue")).out


# ---------------------------------------------------------------- replay
@pytest.mark.asyncio
async def test_a_dead_letter_runs_again(asked: Asked, commands: Commands) -> None:
    async with asked.queue as queue:
        dead = await asked.add(20, 3)
        await asked.bury(dead)
        answer = await ask(asked, "replay", "app:queue", dead.id, "nobody", "--json")
        first, second = answer.json["deeds"]
        assert (answer.code, first["done"], second["done"]) == (1, True, False)
        assert "no dead letter 'nobody'" in second["answer"]
        await asyncio.to_thread(worker, commands)
        assert await queue.result(first["new_id"]).get(timeout=10) == 23
        assert await queue.dead() == []
        assert (await ask(asked, "replay", *asked.by_url, dead.id)).code == 1


@pytest.mark.asyncio
async def test_dead_letters_of_a_task_or_all_run_again(asked: Asked) -> None:
    async with asked.queue as queue:
        letters = []
        for make in (asked.add.s(1, 2), asked.once.s(), asked.add.s(3, 4), asked.once.s()):
            letters.append(await queue.enqueue(make))
            await asked.bury(letters[-1])
        answer = await ask(asked, "replay", *asked.by_url, "--task", "app.once", "--yes", "--json")
        assert [deed["name"] for deed in answer.json["deeds"]] == [letters[1].id, letters[3].id]
        rest = await ask(asked, "replay", "app:queue", "--all", "--yes")
        assert [line.split(":")[0] for line in rest.out.splitlines()] == [f"job {letters[n].id}" for n in (0, 2)]
        assert [job.task_name for job in await queue.pending()] == ["app.once", "app.once", "app.add", "app.add"]
        assert await queue.dead() == []
        nothing = await ask(asked, "replay", "app:queue", "--all", "--yes")
        assert (nothing.code, nothing.out) == (0, f"no dead letters on queue {queue.name!r}\n")
        assert (await ask(asked, "replay", "app:queue", "--all", "--yes", "--json")).json["deeds"] == []


# ---------------------------------------------------------------- purge
@pytest.mark.asyncio
async def test_a_purged_queue_is_empty(asked: Asked) -> None:
    async with asked.queue as queue:
        await asked.bury(await asked.add(0, 0))
        for _ in range(3):
            await asked.add(1, 2)
        await asked.add.options(delay=100)(1, 2)
        await queue.kv.put("kept", 1)
        answer = await ask(asked, "purge", "app:queue", "--yes", "--json")
        assert answer.json["removed"] == {"queued": 3, "scheduled": 1, "running": 0, "dead": 1}
        assert sum((await queue.counts()).values()) == 0
        assert await queue.dead() == []
        assert await queue.kv.get("kept") == 1
        again = await ask(asked, "purge", *asked.by_url, "-y")
        assert again.out == f"queue {queue.name!r} is empty: removed 0 jobs and 0 dead letters\n"


# ---------------------------------------------------------------- asking
DESTRUCTIVE = ("purge", "cancel ID", "revoke ID", "revoke --task app.add", "replay --all", "replay --task app.add")


@pytest.mark.parametrize("command", DESTRUCTIVE)
def test_without_a_terminal_and_yes_nothing_is_done(sqlite_asked: Asked, command: str) -> None:
    job_id = asyncio.run(fill(sqlite_asked))
    name, *words = command.replace("ID", job_id).split()
    answer = sqlite_asked.ask(name, "app:queue", *words)
    assert answer.code == 2
    assert error_line(answer).endswith("there is no terminal to ask on: say --yes")
    assert ("cannot be taken back" in answer.err) is (name in ("purge", "cancel"))
    assert asyncio.run(is_as_it_was(sqlite_asked, job_id))


@pytest.mark.parametrize("command", DESTRUCTIVE)
def test_on_a_terminal_it_is_asked(sqlite_asked: Asked, command: str) -> None:
    job_id = asyncio.run(fill(sqlite_asked))
    name, *words = command.replace("ID", job_id).split()
    for refusal in ("n\n", "\n", "\x03"):
        with OnTerminal(sqlite_asked, name, "app:queue", *words) as terminal:
            terminal.wait_for("[y/N]: ")
            if refusal == "\x03":
                terminal.interrupt()
            else:
                terminal.type(refusal)
            assert terminal.code() == 1
            assert "Aborted!" in terminal.shown
        assert asyncio.run(is_as_it_was(sqlite_asked, job_id))
    with OnTerminal(sqlite_asked, name, "app:queue", *words) as terminal:
        terminal.wait_for("[y/N]: ")
        terminal.type("y\n")
        assert terminal.code() == 0, terminal.shown
    assert not asyncio.run(is_as_it_was(sqlite_asked, job_id))


def test_the_question_says_what_will_be_gone(sqlite_asked: Asked) -> None:
    asyncio.run(fill(sqlite_asked))
    with OnTerminal(sqlite_asked, "purge", "app:queue", columns=200) as terminal:
        terminal.wait_for("Remove for good, with all results, 1 job and 1 dead letter of queue")


async def fill(asked: Asked) -> str:
    """Store a dead letter and a queued job; return the id of this one."""
    async with asked.queue:
        await asked.bury(await asked.add(0, 0))
        return (await asked.add(1, 2)).id


async def is_as_it_was(asked: Asked, job_id: str) -> bool:
    async with asked.queue as queue:
        result = asked.add.result(job_id)
        return (
            await result.state() is JobState.QUEUED and not await result.is_revoked() and len(await queue.dead()) == 1
        )


# ---------------------------------------------------------------- bad input
@pytest.mark.parametrize("command", STEERING)
def test_a_server_that_is_not_there(sqlite_asked: Asked, command: str) -> None:
    words = {"pause": [], "resume": [], "purge": ["-y"], "restore": ["x"], "replay": ["x"]}.get(command, ["x", "-y"])
    answer = sqlite_asked.ask(command, "--url", "redis://127.0.0.1:1", *words)
    assert answer.code == 3
    assert "127.0.0.1:1" in error_line(answer)


@pytest.mark.parametrize(("arguments", "code", "says"), [
    (("cancel", "app:queue", "-y"), 2, "say which job"),
    (("revoke", "app:queue", "-y"), 2, "job ids, or --task NAME"),
    (("revoke", "app:queue", "x", "--task", "app.add", "-y"), 2, "job ids, or --task NAME"),
    (("revoke", "app:queue", "x", "--once", "-y"), 2, "--until and --once go with --task"),
    (("revoke", "app:queue", "--task", "app.add", "--until", "tomorrow", "-y"), 2, "--until 'tomorrow' is no time"),
    (("revoke", "app:queue", "--task", "app.add", "--until", "2001-01-01", "-y"), 2, "has passed already"),
    (("revoke", "app:queue", "--task", "app.ad", "-y"), 1, "has no task 'app.ad'; there are: app.add, app.fails"),
    (("revoke", "app:queue", "--task", "", "-y"), 2, "--task is empty"),
    (("restore", "app:queue"), 2, "job ids, or --task NAME"),
    (("restore", "app:queue", "--task", "\x1b[2J"), 1, r"has no task '\\+x1b\[2J'"),
    (("replay", "app:queue"), 2, "their ids, --task NAME, or --all"),
    (("replay", "app:queue", "x", "--all", "-y"), 2, "their ids, --task NAME, or --all"),
    (("pause", "app:queue", "more"), 2, "unexpected extra argument"),
    (("purge",), 2, "say which queue"),
    (("pause", "broken:queue"), 2, "raised RuntimeError: on purpose"),
    (("purge", "--url", "sqlite:///nowhere.db", "-y"), 3, "there is no file"),
])  # fmt: skip
def test_bad_input_is_one_line(sqlite_asked: Asked, arguments: tuple[str, ...], code: int, says: str) -> None:
    (sqlite_asked.directory / "broken.py").write_text("raise RuntimeError('on purpose')")
    answer = sqlite_asked.ask(*arguments, AIOQUEUE_URL="")
    assert answer.code == code, answer
    assert re.search(says, error_line(answer)), answer
