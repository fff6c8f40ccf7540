"""What a process body depends on is made in its process."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from tests.dependencies import process_tasks

pytestmark = pytest.mark.asyncio


async def test_it_is_made_and_closed_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    log = tmp_path / "log"
    monkeypatch.setenv("LIFE_OF_A_DEPENDENCY", str(log))
    async with asyncio.timeout(60), process_tasks.queue, process_tasks.queue.worker():
        places = set(await process_tasks.placed.call())
    assert len(places) == 1
    assert os.getpid() not in places
    assert log.read_text() == "open close"
