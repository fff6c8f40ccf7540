"""A queue in Redis (6.2 or newer) or Valkey."""

from aioqueue.drivers.redis.driver import RedisDriver

__all__ = ["RedisDriver"]
