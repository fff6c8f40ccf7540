"""The stores and processes that these tests ask for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.processes import Command, Commands
from tests.core.stores import shared_store_url

__all__ = ["commands", "shared_store_url"]


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
