"""The servers that tests start are those that aioqueue offers to the tests of applications."""

from __future__ import annotations

from aioqueue.testing.servers import RedisServer, ServerDidNotStart, redis_server, server_binaries

__all__ = ["RedisServer", "ServerDidNotStart", "redis_server", "server_binaries"]
