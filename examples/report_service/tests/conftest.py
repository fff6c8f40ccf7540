"""A client of the application, on a queue in memory and a folder of the test's own. No server is needed."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from httpx import ASGITransport, AsyncClient

from aioqueue.testing.swapping import Swap
from report_service.app import app
from report_service.tasks import queue


@pytest.fixture
async def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, aioqueue_memory: Swap) -> AsyncIterator[AsyncClient]:
    """A client in the same event loop as the application, the queue and the worker."""
    # What the processes of the worker inherit: they import the queue anew, and are to leave the real store alone.
    monkeypatch.setenv("REPORTS_FOLDER", str(tmp_path / "uploads"))
    monkeypatch.setenv("AIOQUEUE_URL", "memory://")
    aioqueue_memory(queue)
    async with queue, AsyncClient(transport=ASGITransport(app), base_url="http://test") as client:
        yield client
