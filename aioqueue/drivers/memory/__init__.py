"""The memory driver: a queue inside one process, for tests and for work that may die with the process."""

from aioqueue.drivers.memory.driver import MemoryDriver
from aioqueue.drivers.memory.store import MemoryStore, memory_store

__all__ = ["MemoryDriver", "MemoryStore", "memory_store"]
