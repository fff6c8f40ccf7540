"""Every Python block of docs/from-huey.md does what it says, on every store."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest

import aioqueue
from aioqueue import Queue
from tests.huey.workday import Workday

pytestmark = pytest.mark.asyncio

PAGE: Final = Path(__file__).parents[2] / "docs" / "from-huey.md"
_HEADING_OR_BLOCK: Final = re.compile(r"^#{2,3} ([^\n]*)$|^```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_EXPECTED: Final = re.compile(r"^( *)(\S.*?)  # -> (.+)$", re.MULTILINE)


class Block(NamedTuple):
    """One block of code, the heading it stands under, and its line in the page."""

    heading: str
    line: int
    code: str


def blocks() -> list[Block]:
    text, heading, found = PAGE.read_text(), "", []
    for match in _HEADING_OR_BLOCK.finditer(text):
        heading = match[1] or heading
        if match[2]:
            found.append(Block(heading, text.count("\n", 0, match.start(2)) + 1, match[2]))
    return found


def checking(code: str) -> str:
    """Turn `expression  # -> value` into a check, on the same line."""
    return _EXPECTED.sub(lambda line: f"{line[1]}expect({line[2]}, {line[3]})", code)


def expect(value: object, wanted: object) -> None:
    assert value == wanted


@pytest.mark.parametrize("block", blocks(), ids=lambda block: f"{block.heading}, line {block.line}")
async def test_block(block: Block, queue: Queue, workday: Workday) -> None:
    names: dict[str, Any] = {name: getattr(aioqueue, name) for name in aioqueue.__all__}
    names |= {"__name__": "demo", "queue": queue, "work": workday.work, "later": workday.later, "heard": workday.heard}
    names["expect"] = expect
    code = "\n" * (block.line - 1) + checking(block.code)
    async with queue:
        running = eval(compile(code, str(PAGE), "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT), names)
        if running is not None:
            await running
        await names["queue"].close()


async def test_every_feature_has_a_block() -> None:
    assert {block.heading for block in blocks()} >= {"A task", "Locking tasks", "Immediate mode", "Events", "`map`"}
