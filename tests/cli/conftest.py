"""The stores and processes that these tests ask for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.apps import App
from tests.cli.processes import Command, Commands
from tests.core.stores import shared_store_url

__all__ = ["commands", "shared_store_url"]


@pytest.fixture
def app(tmp_path: Path, shared_store_url: str) -> App:
    """One application on each store that several processes can share."""
    return App(tmp_path, shared_store_url)


@pytest.fixture
def sqlite_app(tmp_path: Path) -> App:
    """An application on a file of its own."""
    return App(tmp_path, f"sqlite:///{tmp_path}/queue.db")


@pytest.fixture
def redis_app(tmp_path: Path, redis_url: str) -> App:
    """An application on a server: a process that is stopped inside a transaction of SQLite stops all others too."""
    return App(tmp_path, redis_url)


@pytest.fixture
def commands(tmp_path: Path) -> Iterator[Commands]:
    """Start processes of the command line in a directory of their own; none outlives its test."""
    started: list[Command] = []

    def start(*arguments: str, **environment: str) -> Command:
        command = Command(tmp_path, arguments, environment)
        started.append(command)
        return command

    yield start
    for command in started:
        command.end()
