"""The options of `aioqueue worker`: what they are called, where they come from, and what they do."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shlex
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import click
import pytest
from click.testing import CliRunner, Result
from msgspec import structs

from aioqueue import JobState
from aioqueue.cli import worker as worker_command
from aioqueue.cli.running import serving
from aioqueue.cli.running.localzone import local_zone_name
from aioqueue.cli.running.settings import Settings
from tests.cli.apps import App, waiting, worker
from tests.cli.processes import Command, Commands
from tests.core.stores import eventually
from tests.servers import redis_server

Read = Callable[..., Settings]


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> Read:
    """Read a command line and an environment, and run nothing."""
    settings: list[Settings] = []
    monkeypatch.setattr(worker_command, "_run", settings.append)

    def read(*arguments: str, **environment: str) -> Settings:
        result = said(*arguments, **environment)
        assert result.exit_code == 0, result.output
        return settings.pop()

    return read


def said(*arguments: str, **environment: str) -> Result:
    return CliRunner().invoke(worker_command.command, arguments, env=environment)


# ---------------------------------------------------------------- what they are called
def test_every_option_is_an_environment_variable_and_is_explained() -> None:
    page = said("--help").output
    options = [parameter for parameter in worker_command.command.params if isinstance(parameter, click.Option)]
    assert len(options) > 25
    for option in options:
        name = (option.name or "").upper()
        assert option.help
        assert name == "HELP" or f"AIOQUEUE_{name}" in re.sub(r"\s+", "", page), option.name


@pytest.mark.parametrize(
    ("letter", "word", "value", "field", "read_as"),
    [
        ("-l", "--logfile", "a.log", "logfile", "a.log"),
        ("-v", "--verbose", None, "verbose", True),
        ("-q", "--quiet", None, "quiet", True),
        ("-w", "--workers", "3", "workers", 3),
        ("-c", "--concurrency", "7", "concurrency", 7),
        ("-t", "--threads", "5", "threads", 5),
        (None, "--processes", "2", "processes", 2),
        ("-n", "--no-periodic", None, "periodic", False),
        ("-p", "--periodic", None, "periodic", True),
        ("-d", "--delay", "0.5", "delay", 0.5),
        ("-m", "--max-delay", "3", "max_delay", 3.0),
        ("-b", "--backoff", "2", "backoff", 2.0),
        ("-u", "--utc", None, "zone", "UTC"),
        (None, "--lease", "6", "lease", 6.0),
        (None, "--loop-limit", "0.2", "loop_limit", 0.2),
        (None, "--health-check-interval", "0", "health_check_interval", 0.0),
        (None, "--shutdown-timeout", "4", "shutdown_timeout", 4.0),
        (None, "--flush-locks", None, "flush_locks", True),
        (None, "--max-tasks", "9", "max_tasks", 9),
        (None, "--burst", None, "burst", True),
        (None, "--reload", None, "reload", True),
        (None, "--pidfile", "a.pid", "pidfile", "a.pid"),
        (None, "--health-port", "8080", "health_port", 8080),
        (None, "--log-format", "json", "log_format", "json"),
        (None, "--log-arguments", None, "log_arguments", True),
        (None, "--name", "mail", "name", "mail"),
    ],
)
def test_what_an_option_says(
    read: Read, letter: str | None, word: str, value: str | None, field: str, read_as: object
) -> None:
    values = [] if value is None else [value]
    for option in filter(None, (letter, word)):
        assert getattr(read("app:queue", option, *values), field) == read_as
    if word != "--no-periodic":
        variable = "AIOQUEUE_" + word.removeprefix("--").upper().replace("-", "_")
        assert getattr(read("app:queue", **{variable: value or "1"}), field) == read_as


def test_without_options_everything_is_as_the_settings_have_it(read: Read) -> None:
    assert read("app:queue") == Settings(apps=("app:queue",))
    assert read(AIOQUEUE_APP="app:queue other:queue") == Settings(apps=("app:queue", "other:queue"))
    assert read("app:queue", "--lease", "10").health_check_interval == 40, "longer than three leases"


def test_the_command_line_goes_before_the_environment(read: Read) -> None:
    assert read("app:queue", "-c", "3", AIOQUEUE_CONCURRENCY="4").concurrency == 3
    assert read("app:queue", "-p", AIOQUEUE_PERIODIC="0").periodic
    assert not read("app:queue", AIOQUEUE_PERIODIC="no").periodic
    loud = read("app:queue", "-v", AIOQUEUE_QUIET="1")
    assert (loud.verbose, loud.quiet) == (True, False)
    assert read("app:queue", "--localtime", AIOQUEUE_UTC="1", TZ="Asia/Tokyo").zone == "Asia/Tokyo"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("-b", "1"), "x>1"),
        (("-b", "nan"), "not a finite number"),
        (("-b", "inf"), "not a finite number"),
        (("-d", "0"), "x>0"),
        (("-d", "5", "-m", "1"), "--max-delay 1 is less than --delay 5"),
        (("-w", "0"), "x>=1"),
        (("-t", "none"), "not a valid integer"),
        (("--max-tasks", "0"), "x>=1"),
        (("--health-port", "70000"), "65535"),
        (("--health-check-interval", "-1"), "x>=0"),
        (("--log-format", "xml"), "'plain', 'json'"),
        (("-u", "--localtime"), "--utc or --localtime, not both"),
        (("-v", "-q"), "--verbose or --quiet, not both"),
        (("--burst", "--reload"), "--burst"),
        (("--burst", "--max-tasks", "3"), "--burst"),
        (("--wrokers", "3"), "--workers"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_wrong_values_are_named_in_one_line(arguments: tuple[str, ...], words: str) -> None:
    result = said("app:queue", *arguments)
    assert result.exit_code == 2
    assert result.output.count("Error: ") == 1
    assert words in result.output.splitlines()[-1]


def test_wrong_values_in_the_environment_are_named_too() -> None:
    result = said("app:queue", AIOQUEUE_WORKERS="many")
    assert result.exit_code == 2
    assert "many" in result.output.splitlines()[-1]


@pytest.mark.parametrize(
    ("tz", "zone"), [("Europe/Berlin", "Europe/Berlin"), (":Asia/Tokyo", "Asia/Tokyo"), ("", "UTC"), ("Etc/UTC", "UTC")]
)
def test_the_local_zone_has_a_name_that_others_know(monkeypatch: pytest.MonkeyPatch, tz: str, zone: str) -> None:
    monkeypatch.setenv("TZ", tz)
    assert local_zone_name() == zone


def test_a_local_zone_without_a_name_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3")
    with pytest.raises(LookupError, match="set TZ"):
        local_zone_name()
    monkeypatch.delenv("TZ")
    assert local_zone_name()
    result = said("app:queue", "--localtime", TZ="Middle/Earth")
    assert result.exit_code == 2
    assert "Middle/Earth" in result.output.splitlines()[-1]


def test_the_worker_is_made_as_the_options_say(monkeypatch: pytest.MonkeyPatch, read: Read) -> None:
    made: dict[str, object] = {}
    monkeypatch.setattr(serving, "Worker", lambda *queues, **options: made.update(options))
    arguments = "-c 3 -t 4 --processes 5 -n -d 0.2 -m 6 -b 7 -u --lease 8 --loop-limit 9 --max-tasks 100 --name mail"
    settings = read("app:queue", *shlex.split(arguments), "--shutdown-timeout", "10")
    serving.new_worker(settings, [])
    assert 90 <= int(str(made.pop("max_tasks"))) <= 110
    assert made == {
        "concurrency": 3,
        "threads": 4,
        "processes": 5,
        "periodic": False,
        "delay": 0.2,
        "max_delay": 6.0,
        "backoff": 7.0,
        "zone": "UTC",
        "lease": 8.0,
        "loop_limit": 9.0,
        "name": "mail",
        "shutdown_timeout": 10.0,
    }
    serving.new_worker(structs.replace(settings, number=2), [])
    assert made["name"] == "mail-2"


# ---------------------------------------------------------------- what they do
@pytest.mark.asyncio
async def test_a_worker_is_what_the_options_say(sqlite_app: App, commands: Commands) -> None:
    with sqlite_app.file.open("a") as file:
        file.write(
            "from aioqueue import crontab\n@queue.periodic_task(crontab.daily())\nasync def beat() -> None: ...\n"
        )
    async with sqlite_app.queue as queue:
        command = commands(
            *("-m", "aioqueue", "worker", "app:queue", "-c", "7", "--lease", "5", "--localtime"),
            TZ="Europe/Berlin",
            AIOQUEUE_NAME="mail",
        )
        await waiting(command, "ready:")
        [there] = await queue.workers()
        assert (there.pid, there.name, there.concurrency, there.lease, there.zone) == (
            command.process.pid,
            "mail",
            7,
            5.0,
            "Europe/Berlin",
        )
        other = commands("-m", "aioqueue", "worker", "app:queue", "--utc")
        assert await asyncio.to_thread(other.code) == 2
        assert "Europe/Berlin" in other.said[-1]
        assert other.said[-1].startswith("Error: ")
        without = commands("-m", "aioqueue", "worker", "app:queue", "--utc", "--no-periodic")
        await waiting(without, "ready:")


@pytest.mark.asyncio
async def test_a_burst_runs_what_is_due_and_ends(app: App, commands: Commands) -> None:
    async with app.queue:
        results = await app.add.map([(n, n) for n in range(20)])
        later = await app.add.options(delay=60)(1, 1)
        command = commands("-m", "aioqueue", "worker", "app:queue", "--burst")
        assert await asyncio.to_thread(command.code) == 0
        assert await results.get(timeout=0) == [2 * n for n in range(20)]
        assert await later.state() is JobState.SCHEDULED


@pytest.mark.asyncio
async def test_max_tasks_starts_the_same_process_anew(sqlite_app: App, commands: Commands, tmp_path: Path) -> None:
    async with sqlite_app.queue:
        held = tmp_path / "worker.pid"
        command = await asyncio.to_thread(worker, commands, "--max-tasks", "10", "--pidfile", str(held))
        results = await sqlite_app.add.map([(n, n) for n in range(60)])
        assert await results.get(timeout=20) == [2 * n for n in range(60)]
        await waiting(command, "starting anew")
        await waiting(command, "ready:", times=2)
        assert held.read_text().strip() == str(command.process.pid)
        second = commands("-m", "aioqueue", "worker", "app:queue", "--pidfile", str(held))
        assert await asyncio.to_thread(second.code) == 4
        command.signal(signal.SIGTERM)
        assert await asyncio.to_thread(command.code) in (0, -signal.SIGTERM)


@pytest.mark.asyncio
async def test_max_tasks_under_a_supervisor_makes_another_process(sqlite_app: App, commands: Commands) -> None:
    async with sqlite_app.queue:
        command = await asyncio.to_thread(worker, commands, "--max-tasks", "10", "-w", "2")
        results = await sqlite_app.add.map([(n, n) for n in range(60)])
        assert await results.get(timeout=20) == [2 * n for n in range(60)]
        await waiting(command, "has ended: another one takes its place")
        await waiting(command, "ready:", times=3)
        assert "exit code" not in command.output
        assert max(len(pids) for pids in command.workers().values()) > 1


@pytest.mark.asyncio
async def test_locks_are_flushed_once_and_not_when_it_starts_anew(sqlite_app: App, commands: Commands) -> None:
    async with sqlite_app.queue as queue, queue.lock_task("left behind", ttl=600):
        assert await queue.is_locked("left behind")
        command = await asyncio.to_thread(worker, commands, "--flush-locks")
        assert not await queue.is_locked("left behind")
        assert "1 locks" in command.output
        async with queue.lock_task("held", ttl=600):
            command.signal(signal.SIGHUP)
            await waiting(command, "ready:", times=2)
            assert await queue.is_locked("held")


def test_a_dry_run_says_what_would_be_run_and_connects_to_nothing(commands: Commands, tmp_path: Path) -> None:
    (tmp_path / "away.py").write_text(
        "from aioqueue import Queue, every\nqueue = Queue('redis://127.0.0.1:1', name='mail')\n"
        "@queue.task\nasync def send() -> None: ...\n"
        "@queue.periodic_task(every(seconds=5))\nasync def beat() -> None: ...\n"
    )
    arguments = ("away:queue", "-w", "3", "-c", "12", "--dry-run", "--pidfile", "held.pid")
    command = commands("-m", "aioqueue", "worker", *arguments)
    assert command.code() == 0
    for words in ("3 processes", "12 jobs", "Queue mail", "away.send", "away.beat  (periodic)", "pidfile: held.pid"):
        assert words in command.output
    assert not (tmp_path / "held.pid").exists()


@pytest.mark.asyncio
async def test_titles(sqlite_app: App, commands: Commands) -> None:
    command = await asyncio.to_thread(worker, commands, "-w", "2", "--name", "mail")
    await waiting(command, "ready:", times=2)
    assert title_of(command.process.pid) == "aioqueue: supervisor app:queue name=mail (2 workers)"
    assert title_of(command.workers()[2][0]) == "aioqueue: worker app:queue name=mail (2 of 2)"


def title_of(pid: int) -> str:
    return subprocess.check_output(["ps", "-o", "args=", "-p", str(pid)], text=True).strip()


# ---------------------------------------------------------------- the health port
def health(command: Command, path: str) -> int:
    port = re.findall(r"http://127.0.0.1:(\d+)/livez", command.output)[-1]
    try:
        with urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as response:
            json.load(response)
            code: int = response.status
            return code
    except HTTPError as error:
        error.close()
        return error.code


@pytest.mark.asyncio
@pytest.mark.parametrize("options", [(), ("-w", "2")], ids=["alone", "supervised"])
async def test_readiness_follows_the_server_and_liveness_does_not(
    commands: Commands, tmp_path: Path, options: tuple[str, ...]
) -> None:
    with redis_server() as server:
        App(tmp_path, server.url)
        command = await asyncio.to_thread(worker, commands, "--health-port", "0", "--lease", "1", *options)
        await eventually(lambda: health(command, "/readyz") == 200, 20)
        server.stop()
        await eventually(lambda: health(command, "/readyz") == 503, 20)
        assert health(command, "/livez") == 200
        server.restart()
        await eventually(lambda: health(command, "/readyz") == 200, 20)
        os.kill(command.process.pid, signal.SIGTERM)
        assert await asyncio.to_thread(command.code) == 0
