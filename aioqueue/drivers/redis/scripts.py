"""The Lua scripts: put together from their files once, run by their digest."""

from __future__ import annotations

import hashlib
import os
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from redis.exceptions import NoScriptError

from aioqueue.drivers.redis.connections import Connections
from aioqueue.drivers.redis.lane import Lane

_FOLDER: Final = Path(__file__).parent / "lua"
_INCLUDE: Final = "-- include: "


def _text_of(path: str) -> str:
    with open(path, "rb") as file:  # noqa: PTH123 -- ninety of them, at each start
        return file.read().decode()


# Read before the first is run: files that an upgrade puts under a running process are for others.
_FILES: Final = {file.name: _text_of(file.path) for file in os.scandir(_FOLDER) if file.name.endswith(".lua")}


class Script:
    """The script of `lua/<name>.lua`, with every file it includes before it, each once.

    An indented include stands where it is: what a script makes there costs only the calls that come there.
    """

    def __init__(self, name: str) -> None:
        self._name = name

    @cached_property
    def text(self) -> str:
        """The whole script."""
        return _with_includes(f"{self._name}.lua", set())

    @cached_property
    def digest(self) -> str:
        """What a server knows it by."""
        return hashlib.sha1(self.text.encode(), usedforsecurity=False).hexdigest()


def _with_includes(file: str, seen: set[str]) -> str:
    if file in seen:
        return ""
    seen.add(file)
    text, *rest = _FILES[file].split(_INCLUDE)
    before = ""
    for other, _, after in (part.partition("\n") for part in rest):
        if text.endswith(" "):
            text = text.rstrip(" ") + _with_includes(other, set(seen)) + after
        else:
            before += _with_includes(other, seen)
            text += after
    return before + text


async def run(connections: Connections | Lane, script: Script, prefix: str, *arguments: str | bytes | float) -> Any:
    """Run a script on the keys under `prefix`; a server that has forgotten it is taught it again."""
    try:
        return await connections.call(*command_of(script, prefix, *arguments))
    except NoScriptError:
        return await connections.call("EVAL", script.text, 1, prefix, *arguments)


def command_of(script: Script, prefix: str, *arguments: str | bytes | float) -> tuple[str | bytes | float, ...]:
    """Return the command that runs a script on the keys under `prefix`, if the server knows it."""
    return ("EVALSHA", script.digest, 1, prefix, *arguments)
