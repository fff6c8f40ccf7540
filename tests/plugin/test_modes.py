"""The fixtures do the same under pytest-asyncio, strict and auto, under anyio's plugin, and where there is no loop."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.plugin.pytests import outcomes, run_pytest

APPLICATION = """
from aioqueue import Queue, crontab

queue = Queue("redis://127.0.0.1:1")  # nobody is there

@queue.task
async def add(a: int, b: int) -> int:
    return a + b

@queue.task
async def fail() -> None:
    raise ValueError("broken")

@queue.periodic_task(crontab(hour="3", minute="0"), results=True)
async def clean_up() -> str:
    return "clean"
"""

TESTS = """
import pytest
from app import add, clean_up, fail, queue

MARKS

async def test_memory(aioqueue_memory, aioqueue_worker):
    aioqueue_memory(queue)
    result = await add(1, 2)
    assert len(await queue.pending()) == 1
    await aioqueue_worker(queue).drain(raise_errors=True)
    assert await result == 3

async def test_the_errors_of_bodies(aioqueue_memory, aioqueue_worker):
    aioqueue_memory(queue)
    await fail()
    with pytest.raises(ValueError, match="broken"):
        await aioqueue_worker(queue).drain(raise_errors=True)

async def test_immediate(aioqueue_immediate):
    aioqueue_immediate(queue)
    assert await add.call(1, 2) == 3

async def test_enqueued(aioqueue_memory, aioqueue_enqueued):
    aioqueue_memory(queue)
    aioqueue_enqueued.none()
    await add(1, 2)
    aioqueue_enqueued.assert_enqueued(add, 1, b=2)

async def test_every_store(aioqueue_driver, aioqueue_clock, aioqueue_worker):
    aioqueue_driver(queue)
    clock = aioqueue_clock(queue)
    result = await add.options(delay=3600)(1, 2)
    slot = await clock.advance_to_slot(clean_up)
    assert (slot.hour, slot.minute) == (3, 0)
    await clock.advance(3600)
    async with aioqueue_worker(queue):
        assert await result.get(timeout=20) == 3
"""
WITHOUT_LOOP = """
import pytest
from app import add, clean_up, queue

def test_without_a_loop(aioqueue_driver, aioqueue_clock, aioqueue_worker, aioqueue_enqueued):
    aioqueue_driver(queue)
    result = queue.sync(add.options(delay=60)(1, 2))
    aioqueue_enqueued.assert_enqueued(add, 1, 2, delay=60)
    queue.sync(aioqueue_clock(queue).advance(60))
    queue.sync(aioqueue_worker(queue).drain(raise_errors=True))
    assert queue.sync(result, timeout=20) == 3
    queue.sync(queue.close())

def test_immediately(aioqueue_immediate):
    aioqueue_immediate(queue)
    assert queue.sync(add.call(1, 2)) == 3
    queue.sync(queue.close())
"""
ANYIO = """
pytestmark = pytest.mark.anyio

@pytest.fixture
def anyio_backend():
    return "asyncio"
"""
MODES = {
    "strict": ("pytestmark = pytest.mark.asyncio", ("--asyncio-mode=strict", "-p", "no:anyio")),
    "auto": ("", ("--asyncio-mode=auto", "-p", "no:anyio")),
    "one-loop": ('pytestmark = pytest.mark.asyncio(loop_scope="module")', ("--asyncio-mode=strict",)),
    "anyio": (ANYIO, ("-p", "no:asyncio")),
}


@pytest.mark.parametrize("mode", MODES)
def test_with_a_loop(tmp_path: Path, redis_url: str, mode: str) -> None:
    marks, arguments = MODES[mode]
    (tmp_path / "app.py").write_text(APPLICATION)
    (tmp_path / "test_app.py").write_text(TESTS.replace("MARKS", marks))
    settings = "[pytest]\nfilterwarnings = error\npythonpath = .\n"
    asyncio_setting = "" if mode == "anyio" else "asyncio_default_fixture_loop_scope = function\n"
    (tmp_path / "pytest.ini").write_text(settings + asyncio_setting)
    run = run_pytest(tmp_path, *arguments, AIOQUEUE_TEST_REDIS_URL=redis_url)
    assert outcomes(run) == {"passed": 7}, run.stdout


def test_without_a_loop(tmp_path: Path, redis_url: str) -> None:
    (tmp_path / "app.py").write_text(APPLICATION)
    (tmp_path / "test_app.py").write_text(WITHOUT_LOOP)
    (tmp_path / "pytest.ini").write_text("[pytest]\nfilterwarnings = error\npythonpath = .\n")
    run = run_pytest(tmp_path, "-p", "no:asyncio", "-p", "no:anyio", AIOQUEUE_TEST_REDIS_URL=redis_url)
    assert outcomes(run) == {"passed": 4}, run.stdout
