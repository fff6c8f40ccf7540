"""What the worker command's log looks like: files that nobody else writes to, lines that are what they should be."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from aioqueue.cli.running.logging import configure
from aioqueue.cli.running.settings import Settings
from aioqueue.logs import JsonLines, PlainLines


@pytest.fixture
def logger() -> Iterator[logging.Logger]:
    logger = logging.getLogger("aioqueue")
    handlers, level, propagate = logger.handlers[:], logger.level, logger.propagate
    yield logger
    for handler in set(logger.handlers) - set(handlers):
        handler.close()
    logger.handlers[:], logger.propagate = handlers, propagate
    logger.setLevel(level)


def record(message: str, *arguments: object, **more: Any) -> logging.LogRecord:
    made = logging.LogRecord("app", logging.INFO, __file__, 1, message, arguments, None)
    vars(made).update(more)
    return made


# ---------------------------------------------------------------------- files
def test_a_file_is_rotated_at_a_megabyte_and_three_old_ones_are_kept(tmp_path: Path, logger: logging.Logger) -> None:
    configure(Settings(apps=("app:queue",), logfile=str(tmp_path / "worker.log")))
    for _ in range(60):
        logger.info("x" * 100_000)
    assert {path.name for path in tmp_path.iterdir()} == {"worker.log", *(f"worker.log.{n}" for n in (1, 2, 3))}
    assert all(path.stat().st_size <= 1_000_000 for path in tmp_path.iterdir())


@pytest.mark.parametrize("name", ["worker.log", "worker", ".log", "app.1"])
def test_no_process_writes_to_what_another_one_rotates(tmp_path: Path, logger: logging.Logger, name: str) -> None:
    numbers = range(12)
    for number in numbers:
        configure(Settings(apps=("app:queue",), logfile=str(tmp_path / name), number=number))
    files = {path.name for path in tmp_path.iterdir()}
    assert len(files) == len(numbers)
    assert not files & {f"{file}.{backup}" for file in files for backup in (1, 2, 3)}


def test_a_file_is_utf8_wherever_it_is_written(
    tmp_path: Path, logger: logging.Logger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("io.text_encoding", lambda encoding, _level=2: encoding or "latin-1")
    configure(Settings(apps=("app:queue",), logfile=str(tmp_path / "worker.log")))
    logger.info("five € and \udcff")
    assert "five € and \\udcff\n" in (tmp_path / "worker.log").read_text(encoding="utf-8")


# ---------------------------------------------------------------------- lines
def test_one_field_that_json_cannot_say_changes_no_other() -> None:
    told = json.loads(JsonLines().format(record("file \udcff", order=7, pair={1: {2: object}})))
    assert (told["level"], told["logger"], told["message"], told["order"]) == ("INFO", "app", "file \\udcff", 7)
    assert told["time"].endswith("+00:00")


@pytest.mark.parametrize("letter", ["\x7f", "\x9b", "\u2028", "\u202e", "\U000e0001"])
def test_json_drives_no_terminal_and_says_the_same(letter: str) -> None:
    line = JsonLines().format(record(f"a{letter}b é 世"))
    assert line.isprintable()
    assert "é 世" in line
    assert json.loads(line)["message"] == f"a{letter}b é 世"


@pytest.mark.parametrize("job_id", ["1", "app", "INFO"])
def test_a_plain_line_names_its_job_whatever_the_id_is(job_id: str) -> None:
    lines = PlainLines()
    named = f"[job {job_id} of app.add]"
    assert named in lines.format(record("working at app 1", job_id=job_id, task_name="app.add"))
    assert named not in lines.format(record(f"job {job_id} of app.add ended", job_id=job_id, task_name="app.add"))


@pytest.mark.parametrize(("name", "told"), [("", "2"), ("100%", "100%-2")])
def test_a_supervised_process_says_which_one_it_is(logger: logging.Logger, name: str, told: str) -> None:
    configure(Settings(apps=("app:queue",), number=2, name=name))
    (plain,) = (handler for handler in logger.handlers if isinstance(handler.formatter, PlainLines))
    assert f" INFO     [worker {told}] hello" in plain.format(record("hello"))
    assert json.loads(JsonLines(worker=told).format(record("hello")))["worker"] == told
    assert "worker" not in json.loads(JsonLines().format(record("hello")))
