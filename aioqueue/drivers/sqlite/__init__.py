"""The SQLite driver: one file, any number of processes, no server."""

from aioqueue.drivers.sqlite.driver import SqliteDriver

__all__ = ["SqliteDriver"]
