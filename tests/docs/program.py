"""The Python of a page is one program: its blocks run in order, in one namespace.

`await` may stand outside of functions; all that is awaited there shares one event loop, on which a worker runs for each
queue that the page has made. An expression with `# -> value` behind it must have that value.
"""

from __future__ import annotations

import ast
import asyncio
import inspect
import re
import sys
from collections.abc import Coroutine, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from types import CodeType, ModuleType, TracebackType
from typing import Any, Final, Self

from aioqueue import Queue
from tests.docs.pages import Block

PATIENCE: Final = 30
_EXPECTED: Final = re.compile(r"^( *)(\S.*?)  # -> (.+)$", re.MULTILINE)


def statements_of(block: Block) -> Iterator[CodeType]:
    """Compile a block: errors name the page and the line, and `expression  # -> value` is a check on the same line."""
    checking = _EXPECTED.sub(lambda line: f"{line[1]}expect({line[2]}, {line[3]})", block.text)
    read = ast.parse("\n" * (block.line - 1) + checking, str(block.page))
    for statement in read.body:
        alone = ast.Module([statement], [])
        yield compile(alone, str(block.page), "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)


def expect(value: object, wanted: object) -> None:
    """Fail unless a value is the one that stands behind the arrow."""
    assert value == wanted, f"{value!r}, where the page says {wanted!r}"


class Program:
    """One page that is being run; `folder` is where its files are."""

    def __init__(self, name: str, folder: Path) -> None:
        self._folder = folder
        self._module = ModuleType(name)
        self._names: dict[str, Any] = vars(self._module)
        self._names["expect"] = expect
        self._runner = asyncio.Runner()
        self._around = AsyncExitStack()
        self._served: set[Queue] = set()

    def __enter__(self) -> Self:
        sys.modules[self._module.__name__] = self._module
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        try:
            self._runner.run(self._around.aclose())
        finally:
            self._runner.close()
            self._forget_modules()

    def run(self, block: Block) -> None:
        """Run one block to its end."""
        for statement in statements_of(block):
            running = eval(statement, self._names)
            if inspect.iscoroutine(running):
                self._runner.run(self._at_work(running))

    async def _at_work(self, running: Coroutine[Any, Any, None]) -> None:
        """Run a statement that awaits, with a worker for each queue that there is by now."""
        async with asyncio.timeout(PATIENCE):
            for queue in self._made():
                await self._around.enter_async_context(queue)
                await self._around.enter_async_context(queue.worker())
            await running

    def _forget_modules(self) -> None:
        """Let the next page import its own files, also where they are called the same."""
        for name, module in list(sys.modules.items()):
            if module is self._module or self._folder in Path(getattr(module, "__file__", None) or "/").parents:
                del sys.modules[name]

    def _made(self) -> list[Queue]:
        """Return the queues that nobody works for yet."""
        queues = {value for value in self._names.values() if isinstance(value, Queue) and not value.immediate}
        made = list(queues - self._served)
        self._served |= queues
        return made


def module_name(path: Path) -> str:
    """Return the name of the module that a page's program is."""
    return f"page_{path.stem.lower().replace('-', '_')}"
