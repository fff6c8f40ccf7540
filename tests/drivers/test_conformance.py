"""Every driver keeps every sentence of the contract."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from aioqueue.drivers.base import Driver
from aioqueue.testing.conformance import CHECKS, Check, stage_on


@pytest.mark.asyncio
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__.removeprefix("check_"))
async def test_contract(check: Check, make_driver: Callable[[str], Driver]) -> None:
    async with stage_on(make_driver) as stage:
        await check(stage)
