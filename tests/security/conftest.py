"""What the security tests ask for: queues on every store, and drivers with one."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

from aioqueue import Queue
from aioqueue.serializers import Serializer
from tests.core.stores import make_queue, memory_queue, shared_store_url, store_url
from tests.security.intruder import Trap

pytest.register_assert_rewrite("aioqueue.testing.conformance")

__all__ = ["make_driver", "make_queue", "memory_queue", "shared_store_url", "store_url"]

from tests.drivers.conftest import make_driver  # noqa: E402 -- after the rewriting is ordered


@pytest.fixture
def memory_queue_with() -> Callable[[Serializer], Queue]:
    """Give queues on memory of their own, with a serializer."""
    return lambda serializer: Queue(f"memory://{uuid.uuid4().hex}", serializer=serializer)


@pytest.fixture
def trap(tmp_path: Path) -> Trap:
    """What a forged pickle springs."""
    return Trap(tmp_path / "sprung")
