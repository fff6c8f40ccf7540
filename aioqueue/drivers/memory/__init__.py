"""The memory driver: a queue inside one process, for tests and for work that may die with the process."""

from aioqueue.drivers.memory.driver import MemoryDriver
from aioqueue.drivers.memory.store import MemoryStore, forget_memory_store, memory_store

__all__ = ["MemoryDriver", "MemoryStore", "forget_memory_store", "memory_store"]
