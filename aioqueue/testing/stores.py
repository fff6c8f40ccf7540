"""A store of each kind for the length of a test: what `aioqueue_driver` puts queues on."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Final
from urllib.parse import quote, urlsplit

from redis import Redis

from aioqueue.drivers import driver_for
from aioqueue.drivers.base import Driver
from aioqueue.drivers.memory import forget_memory_store
from aioqueue.errors import ConfigurationError
from aioqueue.queue import Queue
from aioqueue.testing.swapping import Swap

KINDS: Final = ("memory", "sqlite", "redis")
_REDIS_SCHEMES: Final = ("redis", "rediss", "unix")


class StoreSwap(Swap):
    """A swap to the store at `url`, where the queues have names of their own: it may be anybody's.

    `kind` is memory, sqlite or redis, or the URL of another store that the test was given. On Redis,
    whosoever it is, what the queues have stored is removed at the end.
    """

    def __init__(self, kind: str, url: str) -> None:
        super().__init__("aioqueue_driver", self._driver)
        self.kind = kind
        self.url = url
        self._suffix = secrets.token_hex(4)
        self._names: set[str] = set()

    def __repr__(self) -> str:
        return f"<aioqueue_driver {self.kind}>"

    def name_of(self, queue: Queue) -> str:
        """Return the name that a queue has in this store, as a worker in another process would have to know."""
        return f"{queue.name}-{self._suffix}"

    def __exit__(self, *exc: object) -> None:
        super().__exit__(*exc)
        where = urlsplit(self.url)
        if where.scheme in _REDIS_SCHEMES:
            _remove_from_redis(self.url, self._names)
        elif self.kind == "memory":
            forget_memory_store(where.netloc)

    def _driver(self, queue: Queue) -> Driver:
        name = self.name_of(queue)
        self._names.add(name)
        return driver_for(self.url, name)


def url_of(kind: str, directory: Path, redis_url: Callable[[], str]) -> str:
    """Return where a store of this kind is; `redis_url` is asked only if it is needed."""
    if kind == "memory":
        return f"memory://test-{secrets.token_hex(8)}"
    if kind == "sqlite":
        return f"sqlite:///{quote(str(directory / 'aioqueue.db'))}"
    if kind == "redis":
        return redis_url()
    if "://" not in kind:
        raise ConfigurationError(f"aioqueue_driver is one of {', '.join(KINDS)} or the URL of a store, not {kind!r}")
    return kind


def _remove_from_redis(url: str, names: set[str]) -> None:
    """Remove all keys of these queues: the server may be one that goes on after the tests."""
    with Redis.from_url(url) as server:
        for name in names:
            for key in server.scan_iter(f"aq:{{{name}}}:*", count=1_000):
                server.unlink(key)
