"""A signed store keeps the contract of every driver, and nothing goes around it."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable

import pytest

from aioqueue import MsgpackSerializer, Queue
from aioqueue.drivers.base import Driver
from aioqueue.drivers.memory import MemoryDriver
from aioqueue.seal import Keys
from aioqueue.signed import SignedDriver, signed
from aioqueue.testing.conformance import CHECKS, Check, stage_on

KEYS = Keys(["a key that nobody knows"])
CARRIERS = r"\b(bytes|NewJob|NewChord|Claimed|Outcome|Ended|Settled|Hear|StoredJob|Page|Driver)\b"
# What a worker says of itself, and news: to be shown, never to be acted on.
UNSIGNED = {"register", "renew", "publish", "note", "notes"}


@pytest.mark.asyncio
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__.removeprefix("check_"))
async def test_a_signed_store_keeps_the_contract(check: Check, make_driver: Callable[[str], Driver]) -> None:
    async with stage_on(lambda queue: signed(make_driver(queue), KEYS, "msgpack", queue)) as stage:
        await check(stage)


def carries(operation: Callable[..., object]) -> bool:
    """Tell whether an operation takes or gives anything that must be signed."""
    annotations = inspect.get_annotations(operation).values()
    return any(re.search(CARRIERS, str(annotation)) for annotation in annotations)


def test_every_operation_that_carries_payloads_is_signed() -> None:
    operations = {name: member for name, member in vars(Driver).items() if inspect.isfunction(member)}
    carrying = {name for name, operation in operations.items() if not name.startswith("_") and carries(operation)}
    assert {"enqueue", "claim", "settle", "results", "put"} <= carrying
    own = {name for name in vars(SignedDriver) if not name.startswith("_")}
    assert carrying - UNSIGNED == own


def test_its_signatures_are_those_of_a_driver() -> None:
    for name, member in vars(SignedDriver).items():
        if not name.startswith("_"):
            assert inspect.signature(member) == inspect.signature(getattr(Driver, name)), name


def test_a_queue_without_keys_has_the_bare_driver() -> None:
    assert isinstance(Queue("memory://").driver(), MemoryDriver)
    assert isinstance(Queue("memory://", serializer=MsgpackSerializer(keys=["x" * 16])).driver(), SignedDriver)
