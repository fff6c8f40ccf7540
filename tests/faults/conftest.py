"""The stores on which faults are tried."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest

from tests.faults.scale import SEEDS, nth_seed

pytest.register_assert_rewrite("tests.faults.trial")


@pytest.fixture(params=["sqlite", "redis"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a store that several processes share."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/queue.db"
    url: str = request.getfixturevalue("redis_url")
    return url


@pytest.fixture(params=["memory", "sqlite", "redis"])
def every_store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a store of each kind; memory is shared with nobody outside of the test's process."""
    if request.param == "memory":
        return f"memory://{uuid.uuid4().hex}"
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/queue.db"
    url: str = request.getfixturevalue("redis_url")
    return url


@pytest.fixture(params=range(SEEDS), ids=lambda n: f"seed{n}")
def seed(request: pytest.FixtureRequest) -> int:
    """The seed of everything that is drawn by lot in a row; printed, so that a failure shows it."""
    number = nth_seed(request.param)
    print(f"AIOQUEUE_FAULTS_SEED={number}")
    return number
