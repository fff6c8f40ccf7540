"""Services that readers copy from a page: what strangers ask, and a store that is away, are no errors of the server."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.docs.pages import ROOT, Block, blocks_of, name_of
from tests.docs.program import Program, module_name

TOO_LONG: Final = "x" * 300
ASK: Final = """
import asyncio, sys
from importlib import import_module

import httpx

app = import_module(sys.argv[1]).app


async def main():
    browser = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test")
    async with app.router.lifespan_context(app), browser:
        print((await browser.get(sys.argv[2])).status_code)


asyncio.run(main())
"""
# Behind the blocks of a page, all but the one that puts its application to work: the store is where no server is.
AWAY: Final = """
import asyncio

import httpx

from aioqueue.drivers import driver_for


async def answered():
    with queue.standing_on(driver_for("redis://127.0.0.1:1", queue.name)):
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as browser:
            answer = await browser.post("/reports?rows=2")
            return answer.status_code, answer.headers["Retry-After"]


expect(asyncio.run(answered()), (503, "1"))
"""
AWAY_FROM_AIOHTTP: Final = """
import asyncio

from aiohttp.test_utils import TestClient, TestServer

from aioqueue.drivers import driver_for


async def answered():
    async with TestClient(TestServer(app)) as browser:
        with queue.standing_on(driver_for("redis://127.0.0.1:1", queue.name)):
            answer = await browser.post("/thumbnails/cat.png")
            return answer.status, answer.headers["Retry-After"]


expect(asyncio.run(answered()), (503, "1"))
"""


@pytest.mark.parametrize(
    ("page", "module", "path"),
    [
        ("README.md", "service", "/sums"),
        ("docs/tutorial.md", "service", "/counts"),
        ("docs/how-to/testing.md", "web", "/letters"),
    ],
)
def test_an_id_that_can_be_none_is_refused(page: str, module: str, path: str, tmp_path: Path) -> None:
    for block in blocks_of(ROOT / page):
        if block.file:
            (tmp_path / block.file).write_text(block.text, encoding="utf-8")
    asked = subprocess.run(
        [sys.executable, "-c", ASK, module, f"{path}/{TOO_LONG}"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert asked.stdout.strip() in ("404", "422"), asked.stderr


@pytest.mark.parametrize(
    ("page", "check"),
    [("fastapi.md", AWAY), ("litestar.md", AWAY), ("aiohttp.md", AWAY_FROM_AIOHTTP)],
    ids=["fastapi", "litestar", "aiohttp"],
)
def test_an_enqueue_while_the_store_is_away_is_503(
    page: str, check: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = ROOT / "docs" / "how-to" / page
    monkeypatch.chdir(tmp_path)
    blocks = [block for block in blocks_of(shown) if block.language == "python"]
    with Program(module_name(shown), tmp_path) as program:
        for block in blocks:
            if "asyncio.run(" not in block.text:
                program.run(block)
        program.run(Block(Path(__file__), name_of(shown), 1, "python", check))
