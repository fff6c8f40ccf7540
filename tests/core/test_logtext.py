"""What a task says cannot forge a log line or drive a terminal."""

from __future__ import annotations

import logging

import pytest

from aioqueue import Queue, TaskException
from aioqueue.logtext import many_lines, one_line


def test_control_characters_are_escaped() -> None:
    assert one_line("a\nb\r\x1b[31mc\x00é") == "a\\nb\\r\\x1b[31mc\\x00é"
    assert many_lines("a\n\tb\r\x1b[0m") == "a\n\tb\\r\\x1b[0m"


@pytest.mark.asyncio
async def test_an_error_is_logged_without_its_control_characters(caplog: pytest.LogCaptureFixture) -> None:
    queue = Queue("memory://")

    @queue.task
    async def forger() -> None:
        raise ValueError("oops\r\nERROR    all is lost\x1b[2J")

    with caplog.at_level(logging.INFO, "aioqueue"):
        async with queue, queue.worker():
            with pytest.raises(TaskException):
                await forger.call()
    (record,) = [record for record in caplog.records if "forger" in record.getMessage()]
    first, *rest = record.getMessage().splitlines()
    assert "oops\\r\\nERROR    all is lost\\x1b[2J" in first
    assert "\x1b" not in record.getMessage() and "\r" not in record.getMessage()
    assert rest[0].startswith("Traceback")
