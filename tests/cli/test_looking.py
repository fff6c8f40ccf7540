"""The commands that look at a queue, as a user runs them: real stores, real processes, real workers."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, get_type_hints

import msgspec
import pytest

from aioqueue.cli.looking import facts
from aioqueue.cli.looking.arguments import arguments_of, as_call, value_of
from aioqueue.cli.looking.wording import ago, ahead, many, rate, size, span, stamp
from aioqueue.cli.steering import deeds
from aioqueue.drivers.base import NewJob
from aioqueue.record import FORMAT, Handed, Record
from tests.cli.asked import PERIODIC, WITHOUT_RICH, WORKER, Asked, error_line
from tests.cli.processes import Command, Commands
from tests.core.stores import eventually

HOSTILE = "evil\x1b[31m\nname\x9b2J\u202e[bold]"
JSON_DOC = Path(__file__).parents[2] / "docs" / "json.md"


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


# ---------------------------------------------------------------- status
def test_the_status_of_a_new_queue(asked: Asked) -> None:
    asyncio.run(open_once(asked))
    answer = asked.ask("status", "app:queue")
    assert answer.code == 0
    assert answer.out.startswith(f"queue {asked.queue.name}   no worker")
    said = asked.ask("status", "app:queue", "--json").json
    assert said["counts"] == {"queued": 0, "scheduled": 0, "running": 0, "dead": 0}
    assert (said["queue"], said["is_running"], said["paused"]) == (asked.queue.name, False, False)
    assert (said["workers"], said["next_due_at"]) == ([], None)
    assert abs(datetime.fromisoformat(said["time"]) - datetime.now(UTC)) < timedelta(minutes=1)


def test_the_status_by_url_imports_no_application(asked: Asked) -> None:
    async def fill() -> None:
        async with asked.queue:
            await asked.add(1, 2)
            await asked.add.options(delay=100)(1, 2)
            await asked.queue.pause()

    asyncio.run(fill())
    (asked.directory / "app.py").unlink()
    said = asked.ask("status", *asked.by_url, "--json").json
    assert said["counts"] == {"queued": 1, "scheduled": 1, "running": 0, "dead": 0}
    assert said["paused"]
    due = datetime.fromisoformat(said["next_due_at"]) - datetime.fromisoformat(said["time"])
    assert timedelta(0) < due <= timedelta(seconds=100)
    by_environment = asked.ask("status", "--queue", asked.queue.name, AIOQUEUE_URL=asked.url)
    assert "paused: workers start nothing" in by_environment.out
    assert re.search(r"^ +1 +1 +0 +0 +in \d+ s", by_environment.out, re.MULTILINE)


def test_the_status_and_the_workers_tell_who_runs_what(asked: Asked, commands: Commands) -> None:
    process = worker(commands, "{'concurrency': 7}")

    async def run_one() -> str:
        async with asked.queue as queue:
            job = await asked.until(str(asked.directory / "go"))

            async def told() -> bool:
                return bool((await queue.workers())[0].running)

            await eventually(told)
            return job.id

    job_id = asyncio.run(run_one())
    said = asked.ask("status", "app:queue", "--json").json
    assert said["is_running"]
    assert said["workers"][0].keys() == set(facts.WorkerFacts.__struct_fields__)
    (told,) = asked.ask("workers", *asked.by_url, "--json").json["workers"]
    assert (told["pid"], told["name"], told["concurrency"]) == (process.process.pid, "reports", 7)
    assert (told["alive"], told["available"], told["running_count"]) == (True, True, 1)
    assert [(job["id"], job["task"]) for job in told["running"]] == [(job_id, "app.until")]
    shown = asked.ask("workers", "app:queue").out
    assert re.search(rf"^reports \(.*:{process.process.pid}\) .* 1/7 ", shown, re.MULTILINE)
    assert re.search(rf"^{job_id} +app\.until +reports", shown, re.MULTILINE)
    (running,) = asked.ask("jobs", "app:queue", "--shelf", "running", "--json").json["jobs"]
    assert (running["id"], running["state"], running["worker"]) == (job_id, "running", told["id"])
    assert running["running_for"] >= 0
    assert "1 worker" in asked.ask("status", "app:queue").out


def test_what_an_application_prints_is_no_part_of_the_json(sqlite_asked: Asked) -> None:
    asyncio.run(open_once(sqlite_asked))
    (sqlite_asked.directory / "noisy.py").write_text("print('hello')\nfrom app import queue\n")
    for command in ("status", "check"):
        answer = sqlite_asked.ask(command, "noisy:queue", "--json")
        assert answer.json
        assert "hello" in answer.err


@pytest.mark.parametrize("command", ["status", "jobs", "workers", "schedule", "check", "pause"])
def test_looking_makes_no_file(sqlite_asked: Asked, command: str) -> None:
    answer = sqlite_asked.ask(command, "app:queue")
    assert answer.code == (1 if command == "check" else 3)
    assert f"there is no file {sqlite_asked.directory}/queue.db" in answer.out + answer.err
    assert {path.suffix for path in sqlite_asked.directory.iterdir()} <= {".py", ""}


def test_nobody_works(sqlite_asked: Asked) -> None:
    asyncio.run(open_once(sqlite_asked))
    answer = sqlite_asked.ask("workers", "app:queue")
    assert (answer.code, answer.out) == (0, f"no worker on queue '{sqlite_asked.queue.name}'\n")


# ---------------------------------------------------------------- jobs
def test_the_jobs_of_each_shelf(asked: Asked) -> None:
    async def fill() -> list[str]:
        async with asked.queue:
            dead = await asked.add(0, 0)
            await asked.bury(dead)
            low, high = await asked.add.options(priority=-2)(1, 2), await asked.add.options(priority=5)(3, 4)
            late, soon = await asked.add.options(delay=900)(5, 6), await asked.add.options(delay=90)(7, 8)
            await low.revoke()
            return [high.id, low.id, soon.id, late.id, dead.id]

    high, low, soon, late, dead = asyncio.run(fill())
    queued = asked.ask("jobs", "app:queue", "--json").json
    assert (queued["shelf"], queued["total"]) == ("queued", 2)
    assert [(job["id"], job["priority"], job["revoked"]) for job in queued["jobs"]] == [
        (high, 5, False), (low, -2, True),
    ]  # fmt: skip
    assert all(job.keys() == set(facts.JobFacts.__struct_fields__) for job in queued["jobs"])
    scheduled = asked.ask("jobs", *asked.by_url, "--shelf", "scheduled", "--json").json
    assert [(job["id"], job["state"]) for job in scheduled["jobs"]] == [(soon, "scheduled"), (late, "scheduled")]
    (letter,) = asked.ask("jobs", "app:queue", "--shelf", "dead", "--json").json["jobs"]
    assert (letter["id"], letter["dead_reason"], letter["state"]) == (dead, "lost: it disappeared", "failed")
    assert (letter["ending"]["cause"], letter["tries"], letter["deliveries"]) == ("lost", 0, 0)
    shown = asked.ask("jobs", "app:queue").out.splitlines()
    assert [line.split()[0] for line in shown[2:]] == [high, low]
    assert shown[3].rstrip().endswith("app.add revoked")
    assert re.search(
        rf"^{soon} +in (89|90|\d\d) s +app\.add", asked.ask("jobs", "app:queue", "--shelf=scheduled").out, re.MULTILINE
    )
    assert "lost: it disappeared" in asked.ask("jobs", "app:queue", "--shelf", "dead").out
    assert (
        asked.ask("jobs", "app:queue", "--shelf", "running").out == f"no running jobs on queue '{asked.queue.name}'\n"
    )


def test_a_long_shelf_is_shown_up_to_the_limit(asked: Asked) -> None:
    async def fill() -> list[str]:
        async with asked.queue:
            return [result.id for result in await asked.add.map([(n, n) for n in range(230)])]

    ids = asyncio.run(fill())
    said = asked.ask("jobs", "app:queue", "--limit", "225", "--json").json
    assert [job["id"] for job in said["jobs"]] == ids[:225]
    assert said["total"] == 230
    shown = asked.ask("jobs", "app:queue").out
    assert shown.splitlines()[-1] == "100 of 230: more with --limit"
    assert all(job_id in shown for job_id in ids[:100])


def test_arguments_are_shown_only_if_asked_for(asked: Asked) -> None:
    async def fill() -> str:
        async with asked.queue:
            return (await asked.fails("s3cret")).id

    job_id = asyncio.run(fill())
    for command in (("jobs", "app:queue"), ("job", "app:queue", job_id)):
        for form in ((), ("--json",)):
            assert "s3cret" not in asked.ask(*command, *form).out
            assert "s3cret" in asked.ask(*command, *form, "--arguments").out
    assert asked.ask("jobs", *asked.by_url, "--json", "--arguments").json["jobs"][0]["arguments"] == {"why": "s3cret"}
    assert "app.fails(why='s3cret')" in asked.ask("jobs", "app:queue", "--arguments").out


def test_what_a_job_says_drives_no_terminal_and_forges_no_line(asked: Asked) -> None:
    async def fill() -> str:
        async with asked.queue as queue:
            driver = (await queue.session()).driver
            record = msgspec.msgpack.encode(
                Record(FORMAT, HOSTILE, msgspec.msgpack.encode({"why": HOSTILE}), last_error=HOSTILE)
            )
            await driver.enqueue([NewJob("hostile", HOSTILE, record), NewJob("damaged", HOSTILE, b"\xc1")])
            return (await asked.fails(HOSTILE)).id

    asyncio.run(fill())
    answers = [
        asked.ask(*command, *form, "--arguments")
        for command in (("jobs", "app:queue"), ("job", "app:queue", "hostile", "damaged"))
        for form in ((), ("--json",))
    ]
    for answer in answers:
        assert answer.code == 0
        assert all(letter.isprintable() or letter == "\n" for letter in answer.out)
        assert r"\x1b[31m\n" in answer.out or r"\u001b[31m\n" in answer.out
        assert "[bold]" in answer.out
    assert answers[1].out.isascii()
    assert len(answers[0].out.splitlines()) == 5
    assert "cannot be read here" in answers[0].out


# ---------------------------------------------------------------- one job
def test_all_that_is_known_of_a_job(asked: Asked, commands: Commands) -> None:
    async def fill() -> dict[str, str]:
        async with asked.queue as queue:
            gone = await asked.add(9, 9)
            await asked.bury(gone)
            good, bad = await asked.add(1, 2), await asked.fails("no such customer")
            worker(commands)
            assert await good.get(timeout=10) == 3
            with pytest.raises(Exception, match="no such customer"):
                await bad.get(timeout=10)
            first, second = await queue.enqueue(asked.add.options(delay=900).s(1, 2).then(asked.add, 3))
            return {"good": good.id, "bad": bad.id, "gone": gone.id, "first": first.id, "second": second.id}

    ids = asyncio.run(fill())
    jobs = {job["id"]: job for job in asked.ask("job", "app:queue", *ids.values(), "--json").json["jobs"]}
    good, bad, gone, first, second = (jobs[ids[name]] for name in ("good", "bad", "gone", "first", "second"))
    assert (good["state"], good["value"], good["ending"]) == ("succeeded", None, None)
    assert (bad["state"], bad["ending"]["cause"]) == ("failed", "error")
    assert "no such customer" in bad["ending"]["traceback"]
    assert (gone["state"], gone["dead_reason"], gone["ending"]["cause"]) == ("failed", "lost: it disappeared", "lost")
    assert (first["state"], first["waiting"], first["later"]) == ("scheduled", False, [second["id"]])
    assert (second["state"], second["waiting"]) == ("scheduled", True)
    (asked_more,) = asked.ask("job", *asked.by_url, ids["good"], "--arguments", "--json").json["jobs"]
    assert asked_more["value"] == 3
    shown = asked.ask("job", "app:queue", *ids.values()).out
    for words in (r"state +succeeded", r"error +ValueError: no such customer", r"raise ValueError\(why\)",
                  r"failed: a dead letter", r"lost +what ran it disappeared",
                  r"waits for the job before it", rf"then +{ids['second']}"):  # fmt: skip
        assert re.search(words, shown), words


def test_an_unknown_job(asked: Asked) -> None:
    asyncio.run(open_once(asked))
    answer = asked.ask("job", "app:queue", "nobody", "\x1b[2J")
    assert answer.code == 1
    nothing = "knows nothing of the jobs 'nobody', '\\x1b[2J': never stored there, or forgotten"
    assert answer.err == f"Error: queue '{asked.queue.name}' {nothing}\n"
    assert "\x1b" not in answer.out
    said = asked.ask("job", "app:queue", "nobody", "--json")
    assert (said.code, said.json["jobs"][0]["state"]) == (1, "unknown")


# ---------------------------------------------------------------- the schedule
def test_periodic_tasks_and_their_next_slots(asked: Asked, commands: Commands) -> None:
    with (asked.directory / "app.py").open("a") as app:
        app.write(PERIODIC)

    async def fill() -> None:
        async with asked.queue:
            await asked.add.options(delay=900)(1, 2)

    asyncio.run(fill())
    lonely = asked.ask("schedule", "app:queue", "--slots", "2", "--json").json
    tasks = {periodic["task"]: periodic for periodic in lonely["periodic"]}
    assert not lonely["fired_by_anyone"]
    assert (lonely["total"], len(lonely["jobs"])) == (1, 1)
    assert (tasks["app.nightly"]["zone"], tasks["app.yearly"]["zone"]) == ("UTC", "Asia/Tokyo")
    assert (tasks["app.nightly"]["misfire"], tasks["app.yearly"]["misfire"]) == ("once", "skip")
    first, second = map(datetime.fromisoformat, tasks["app.nightly"]["next"])
    assert (first.hour, second - first) == (3, timedelta(days=1))
    assert datetime.fromisoformat(tasks["app.yearly"]["next"][0]).utcoffset() == timedelta(hours=9)
    assert "no live worker fires periodic tasks" in asked.ask("schedule", "app:queue").out

    worker(commands, "{'zone': 'Europe/Berlin'}")
    fired = asked.ask("schedule", "app:queue", "--json").json
    assert fired["fired_by_anyone"]
    assert {periodic["zone"] for periodic in fired["periodic"]} == {"Europe/Berlin", "Asia/Tokyo"}
    shown = asked.ask("schedule", "app:queue").out
    assert re.search(r"^app\.nightly +crontab\(minute=0, hour=3\) +\d{4}-\d\d-\d\d 03:00:00 CES?T", shown, re.MULTILINE)
    assert "no live worker" not in shown


def test_a_store_alone_knows_no_periodic_tasks(sqlite_asked: Asked) -> None:
    asyncio.run(open_once(sqlite_asked))
    assert sqlite_asked.ask("schedule", *sqlite_asked.by_url, "--json").json["periodic"] is None
    shown = sqlite_asked.ask("schedule", *sqlite_asked.by_url).out
    assert "name it as APP" in shown
    assert "no scheduled jobs" in shown


# ---------------------------------------------------------------- what cannot be looked at
LOOKING = ("status", "jobs", "job", "workers", "schedule")


@pytest.mark.parametrize("command", LOOKING)
def test_a_server_that_is_not_there(sqlite_asked: Asked, command: str) -> None:
    words = ["an-id"] if command == "job" else []
    answer = sqlite_asked.ask(command, "--url", "redis://127.0.0.1:1", *words, "--json")
    assert answer.code == 3
    assert "127.0.0.1:1" in error_line(answer)


@pytest.mark.parametrize(
    "url",
    [
        "redis://u:secret@127.0.0.1:1",
        "redis://127.0.0.1:1?password=secret",
        "redis://u:secret@127.0.0.1:port",
        "redis://u:secret@127.0.0.1/queue",
        "redis//u:secret@127.0.0.1",
        "u:secret@127.0.0.1:6379",
        "redis://u:secret/more@127.0.0.1",
        "redis://u:secret#more@127.0.0.1",
        "redis://u:secret?more@127.0.0.1",
        "redis://u:1/secret@127.0.0.1",
    ],
)
def test_a_password_is_never_repeated(sqlite_asked: Asked, url: str) -> None:
    for command in ("status", "check"):
        answer = sqlite_asked.ask(command, "--url", url, "--json")
        assert answer.code in (1, 2, 3)
        assert "secret" not in answer.out + answer.err


@pytest.mark.parametrize(("arguments", "code", "says"), [
    (("status", "--url", "sqlite:///nowhere.db"), 3, "there is no file .*/nowhere.db"),
    (("status", "--url", "sqlite:///app.py"), 2, "app.py is not a SQLite database"),
    (("status", "--url", "memory://x"), 2, "lives in the memory of the process"),
    (("status", "--url", "http://x"), 2, "no driver for a URL that starts with 'http'"),
    (("status", "--url", "redis://127.0.0.1:port"), 2, "."),
    (("status", "--url", "sqlite:///app.py", "--queue", "\x1b[2J"), 2, r"a queue's name .* '\\x1b\[2J'"),
    (("status", "--url", " "), 2, "--url is empty"),
    (("status",), 2, r"say which queue: APP \(module:attribute\), or --url"),
    (("status", "--queue", "x"), 2, "AIOQUEUE_URL"),
    (("status", "app:queue", "--url", "sqlite:///x"), 2, "not both"),
    (("status", "nothing:queue"), 2, "there is no module 'nothing'"),
    (("status", "long:queue"), 2, r"raised RuntimeError: a\\nb \\x1b\[31mred at "),
    (("status", "broken:queue"), 2, "raised RuntimeError: on purpose"),
    (("status", "app:add"), 2, "is of type Task, not an aioqueue.Queue"),
    (("jobs", "app:queue", "--shelf", "odd"), 2, "--shelf"),
    (("jobs", "app:queue", "--limit", "0"), 2, "--limit"),
    (("job", "app:queue"), 2, "say which job"),
    (("job", "app:queue", ""), 2, "id is empty"),
    (("schedule", "app:queue", "--slots", "-1"), 2, "--slots"),
    (("status", "app:queue", "--frobnicate"), 2, "--frobnicate"),
])  # fmt: skip
def test_bad_input_is_one_line(sqlite_asked: Asked, arguments: tuple[str, ...], code: int, says: str) -> None:
    (sqlite_asked.directory / "broken.py").write_text("raise RuntimeError('on purpose')")
    (sqlite_asked.directory / "long.py").write_text(r"raise RuntimeError('a\nb \x1b[31mred')")
    answer = sqlite_asked.ask(*arguments, "--json", AIOQUEUE_URL="")
    assert answer.code == code, answer
    assert re.search(says, error_line(answer)), answer
    assert not (sqlite_asked.directory / "nowhere.db").exists()


@pytest.mark.parametrize("command", [*LOOKING, "top"])
def test_without_rich_there_is_json(sqlite_asked: Asked, command: str) -> None:
    asyncio.run(open_once(sqlite_asked))
    words = ("app:queue", "x") if command == "job" else ("app:queue",)
    answer = sqlite_asked.ask(command, *words, start=("-c", WITHOUT_RICH))
    assert answer.code == 1
    assert "pip install 'aioqueue[rich]'" in error_line(answer)
    assert "--json" in error_line(answer)
    if command != "top":
        assert sqlite_asked.ask(command, *words, "--json", start=("-c", WITHOUT_RICH)).json["queue"]


# ---------------------------------------------------------------- the schema
def structs(module: Any) -> Iterator[type]:
    for value in vars(module).values():
        if isinstance(value, type) and issubclass(value, msgspec.Struct) and value.__module__ == module.__name__:
            yield value


def test_every_key_of_the_json_is_documented() -> None:
    text = JSON_DOC.read_text()
    for struct in [*structs(facts), *structs(deeds)]:
        for name in get_type_hints(struct):
            assert f"`{name}`" in text, f"{struct.__name__}.{name}"


# ---------------------------------------------------------------- wording
NOW = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.mark.parametrize(("seconds", "said"), [
    (0, "0 s"), (0.04, "0 s"), (0.44, "0.4 s"), (1, "1 s"), (59.6, "60 s"), (119, "119 s"), (120, "2 min"),
    (3_600, "60 min"), (7_260, "2 h 01 min"), (86_400, "24 h 00 min"), (172_800, "2 d 0 h"), (1e9, "11574 d 1 h"),
])  # fmt: skip
def test_spans_of_time(seconds: float, said: str) -> None:
    assert span(seconds) == said


def test_moments() -> None:
    assert ago(NOW - timedelta(seconds=5), NOW) == "5 s ago"
    assert ago(NOW + timedelta(seconds=5), NOW) == "0 s ago"
    assert ago(None, NOW) == ahead(None, NOW) == stamp(None) == ""
    assert ahead(NOW + timedelta(minutes=5), NOW) == "in 5 min"
    assert ahead(NOW, NOW) == "now"
    assert ahead(NOW - timedelta(seconds=30), NOW) == "due 30 s ago"
    assert stamp(NOW) == "2030-01-02 03:04:05 UTC"


def test_numbers() -> None:
    assert [size(n) for n in (0, 999, 61_200_000, 1.44e9, 5e13)] == ["0 B", "999 B", "61 MB", "1.4 GB", "50000.0 GB"]
    assert [rate(n) for n in (0, 1234.4, 5.21, 0.05, 0.0005)] == ["0/s", "1,234/s", "5.2/s", "3/min", "2/h"]
    assert [many(n, "job") for n in (0, 1, 1_200)] == ["0 jobs", "1 job", "1,200 jobs"]


# ---------------------------------------------------------------- arguments of any kind
@pytest.mark.parametrize(("value", "shown"), [
    ({"a": 1, "b": "x"}, {"a": 1, "b": "x"}),
    ({"a": b"\x00"}, {"a": b"\x00"}),
    ({"a": {(1, 2): 3}}, None),
    ({"a": float("nan")}, None),
    ({"a": msgspec.msgpack.Ext(5, b"x")}, None),
])  # fmt: skip
def test_arguments_that_json_cannot_say(value: dict[str, Any], shown: dict[str, Any] | None) -> None:
    said = arguments_of(Record(FORMAT, "t", msgspec.msgpack.encode(value)))
    assert shown is None or said == shown
    msgspec.json.encode(said, enc_hook=repr)


def test_arguments_of_a_stage_that_is_not_bound_yet() -> None:
    said = arguments_of(Record(FORMAT, "t", b"", handed=Handed(msgspec.msgpack.encode([[1, "x"], {"k": 2}]))))
    assert said == {"*": [1, "x"], "k": 2}
    assert as_call(said) == "1, 'x', k=2"
    assert arguments_of(Record(FORMAT, "t", b"")) == {}
    assert value_of(b"\xc1")["?"].startswith("cannot be read")


async def open_once(asked: Asked) -> None:
    """Have the store made."""
    async with asked.queue as queue:
        await queue.counts()
