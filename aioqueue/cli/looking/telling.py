"""Telling what was found out: as JSON, or as tables if rich is there."""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

import click
import msgspec
from msgspec import Struct

from aioqueue.cli.exits import Failed
from aioqueue.cli.target import visit
from aioqueue.queue import Queue

F = TypeVar("F", bound=Struct)

json_option: Final = click.option("--json", "as_json", is_flag=True, help="Print one JSON object: see docs/json.md.")


def tell(queue: Queue, look: Callable[[Queue], Awaitable[F]], *, as_json: bool) -> F:
    """Look at a queue, print what was found and return it."""
    if as_json:
        facts = visit(queue, look)
        click.echo(json_of(facts))
        return facts
    refuse_without_rich()
    facts = visit(queue, look)
    from aioqueue.cli.looking.tables import print_tables  # noqa: PLC0415 -- rich may be missing

    print_tables(facts)
    return facts


def json_of(facts: Struct) -> str:
    """Return facts as one JSON object on one line, in ASCII: what a task is called must not drive a terminal."""
    return json.dumps(json.loads(msgspec.json.encode(facts, enc_hook=repr)))


def refuse_without_rich(instead: str = "ask for --json") -> None:
    """Raise `Failed` if rich is missing; `instead` says what can be done without."""
    if sys.modules.get("rich", ...) is None or importlib.util.find_spec("rich") is None:
        raise Failed(f"tables need rich, which is not installed: pip install 'aioqueue[rich]', or {instead}")
