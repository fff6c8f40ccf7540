"""Log records say which job they were made in, and cannot be forged."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from aioqueue import Queue
from aioqueue.logs import JobFilter, JsonLines, PlainLines


class Kept(logging.Handler):
    """Keeps what it is given, formatted."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


@pytest.fixture
def kept() -> Iterator[Kept]:
    handler = Kept()
    handler.addFilter(JobFilter())
    logger = logging.getLogger("app")
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    yield handler
    logger.removeHandler(handler)


def record(message: str, *arguments: object, **more: Any) -> logging.LogRecord:
    made = logging.LogRecord("app", logging.INFO, __file__, 1, message, arguments, None)
    vars(made).update(more)
    return made


@pytest.mark.asyncio
@pytest.mark.parametrize("executor", ["loop", "thread"])
async def test_a_record_made_while_a_job_runs_names_it(memory_queue: Queue, kept: Kept, executor: str) -> None:
    kept.setFormatter(JsonLines())

    async def on_loop() -> None:
        logging.getLogger("app").info("working")

    def in_thread() -> None:
        logging.getLogger("app").info("working")

    task = memory_queue.task()(on_loop if executor == "loop" else in_thread)
    async with memory_queue.worker():
        result = await task()
        await result
    logging.getLogger("app").info("at home")
    inside, outside = map(json.loads, kept.lines)
    assert (inside["message"], inside["job"], inside["task"]) == ("working", result.id, task.name)
    assert "job" not in outside
    assert "task" not in outside


def test_a_plain_line_names_its_job_once() -> None:
    lines = PlainLines()
    assert lines.format(record("working", job_id="abc", task_name="app.add")).endswith(
        "INFO     working [job abc of app.add]"
    )
    assert "[job" not in lines.format(record("job abc of app.add ended", job_id="abc", task_name="app.add"))
    assert "[job" not in lines.format(record("at home"))


@pytest.mark.parametrize("lines", [PlainLines(arguments=True), JsonLines(arguments=True)])
def test_no_text_can_pass_for_a_record_or_drive_a_terminal(lines: logging.Formatter) -> None:
    evil = "x\r\n2026-01-01 00:00:00,000 ERROR forged\x1b[2J\x00"
    shown = lines.format(record("got %s", evil, job_id=evil, task_name=evil, job_arguments=evil))
    assert not any(line.startswith("2026-01-01") for line in shown.splitlines())
    assert not {"\r", "\x1b", "\x00"} & set(shown)
    assert "forged" in shown


def test_json_is_one_line_and_carries_the_error_and_extra_fields() -> None:
    try:
        raise ValueError("two\nlines")
    except ValueError as error:
        made = logging.LogRecord("app", logging.ERROR, "f", 1, "broke", (), (ValueError, error, error.__traceback__))
    vars(made).update(order=7, thing=object(), name_="x")
    line = JsonLines().format(made)
    assert "\n" not in line
    told = json.loads(line)
    assert (told["level"], told["logger"], told["message"], told["order"]) == ("ERROR", "app", "broke", 7)
    assert "ValueError: two\nlines" in told["error"]
    assert told["thing"].startswith("<object object")
    assert told["time"].endswith("+00:00")


def test_an_extra_field_cannot_replace_one_of_ours() -> None:
    told = json.loads(JsonLines().format(record("real", level="fake", time="never", job="none")))
    assert (told["level"], told["message"]) == ("INFO", "real")
    assert told["time"] != "never"


def test_a_job_beside_a_record_is_named_without_its_arguments(memory_queue: Queue) -> None:
    @memory_queue.task
    async def pay(card: str) -> None: ...

    job = pay.s("4111-SECRET")
    line = JsonLines().format(record("m", parent=job, family=[job], result=job.results()))
    told = json.loads(line)
    assert told["parent"] == told["family"][0] == repr(job)
    assert told["result"] == repr(job.results())


def test_what_json_cannot_say_is_shown_as_python_does() -> None:
    told = json.loads(JsonLines().format(record("m", big=1 << 80, pair={(1, 2): 3})))
    assert str(1 << 80) in str(told["big"])
    assert "(1, 2)" in told["pair"]


@pytest.mark.parametrize("make", [PlainLines, JsonLines])
def test_arguments_are_shown_only_when_asked(make: type[PlainLines | JsonLines]) -> None:
    made = record("job 1 of app.add starts", job_arguments="(1, secret=2)")
    assert "secret" not in make().format(made)
    assert "secret" in make(arguments=True).format(made)
