"""The queues that these tests ask for."""

from __future__ import annotations

from tests.core.stores import make_queue, memory_queue, shared_store_url, store_url

__all__ = ["make_queue", "memory_queue", "shared_store_url", "store_url"]
