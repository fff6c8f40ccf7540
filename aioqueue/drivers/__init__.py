"""Storage behind a queue, chosen by URL. A driver is imported when a queue asks for it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote, urlsplit

from aioqueue.drivers.base import Driver
from aioqueue.errors import ConfigurationError


def driver_for(url: str, queue: str) -> Driver:
    """Return an unopened driver for `queue` at `url`; raises `ConfigurationError` naming the schemes there are."""
    if not isinstance(url, str):
        raise TypeError(f"a queue takes a URL, not {url!r}")
    scheme, colon, _ = url.partition("://")
    make = _SCHEMES.get(scheme)
    if make is None or not colon:
        known = ", ".join(f"{name}://" for name in _SCHEMES)
        start = f"that starts with {scheme!r}" if colon or "@" not in url else "without ://"  # that may be a password
        raise ConfigurationError(f"no driver for a URL {start}; there are {known}")
    return make(url, queue)


def _memory(url: str, queue: str) -> Driver:
    from aioqueue.drivers.memory import MemoryDriver, MemoryStore, memory_store  # noqa: PLC0415

    name = urlsplit(url).netloc
    return MemoryDriver(memory_store(name) if name else MemoryStore(), queue)


def _sqlite(url: str, queue: str) -> Driver:
    from aioqueue.drivers.sqlite import SqliteDriver  # noqa: PLC0415

    return SqliteDriver(str(sqlite_file(url)), queue)


def sqlite_file(url: str) -> Path:
    """Return the file that a SQLite URL names; `ConfigurationError` if it names none."""
    parts = urlsplit(url)
    path = unquote(parts.path[1:])
    if parts.netloc or not path:
        raise ConfigurationError(
            "a SQLite URL is sqlite:///relative/path.db or sqlite:////absolute/path.db: three slashes, then the path"
        )
    return Path(path).absolute()


def _redis(url: str, queue: str) -> Driver:
    from aioqueue.drivers.redis import RedisDriver  # noqa: PLC0415 -- redis.asyncio takes 0.3 s to import

    return RedisDriver(url, queue)


_SCHEMES: dict[str, Callable[[str, str], Driver]] = {
    "memory": _memory,
    "sqlite": _sqlite,
    "redis": _redis,
    "rediss": _redis,
    "unix": _redis,
}
