"""Storage behind a queue, chosen by URL. A driver is imported when a queue asks for it.

Other distributions may bring more: see `aioqueue.drivers.installed`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from urllib.parse import unquote, urlsplit

from aioqueue.drivers.base import Driver
from aioqueue.errors import ConfigurationError


def driver_for(url: str, queue: str) -> Driver:
    """Return an unopened driver for `queue` at `url`; raises `ConfigurationError` naming the schemes there are."""
    if not isinstance(url, str):
        raise TypeError(f"a queue takes a URL, not {url!r}")
    scheme, colon, _ = url.partition("://")
    make = _SCHEMES.get(scheme, partial(_installed, scheme))
    driver = make(url, queue) if colon else None
    if driver is None:
        start = f"that starts with {scheme!r}" if colon or "@" not in url else "without ://"  # that may be a password
        raise ConfigurationError(f"no driver for a URL {start}; there are {_known_schemes()}")
    return driver


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


def _installed(scheme: str, url: str, queue: str) -> Driver | None:
    from aioqueue.drivers.installed import installed_driver  # noqa: PLC0415 -- importlib.metadata takes 30 ms to import

    return installed_driver(scheme, url, queue)


def _known_schemes() -> str:
    from aioqueue.drivers.installed import installed_schemes  # noqa: PLC0415

    return ", ".join(f"{name}://" for name in dict.fromkeys([*_SCHEMES, *installed_schemes()]))


_SCHEMES: dict[str, Callable[[str, str], Driver | None]] = {
    "memory": _memory,
    "sqlite": _sqlite,
    "redis": _redis,
    "rediss": _redis,
    "unix": _redis,
}
