"""What a request to Redis means: the driver's scripts by their names, other commands by theirs."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.resources import files

from aioqueue.drivers.redis.scripts import Script


def operation_of(words: list[bytes]) -> str:
    """Return for example `claim` for the script of that name, `BLPOP` or `CLIENT SETINFO`."""
    command = words[0].decode().upper()
    if command == "EVALSHA":
        return _scripts().get(words[1].decode(), command)
    if command == "EVAL":
        digest = hashlib.sha1(words[1], usedforsecurity=False).hexdigest()
        return _scripts().get(digest, command)
    return f"{command} {words[1].decode().upper()}" if command == "CLIENT" else command


@cache
def _scripts() -> dict[str, str]:
    folder = files("aioqueue.drivers.redis") / "lua"
    names = (file.name.removesuffix(".lua") for file in folder.iterdir() if file.name.endswith(".lua"))
    return {Script(name).digest: name for name in names}
