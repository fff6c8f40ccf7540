"""What steering commands did, told as lines or as JSON: the rest of the schema that docs/json.md describes."""

from __future__ import annotations

from collections.abc import Sequence

import click
from msgspec import Struct

from aioqueue.cli.looking.facts import Counts
from aioqueue.cli.looking.telling import json_of
from aioqueue.logtext import one_line


class Deed(Struct, frozen=True):
    """What became of one job or task: `kind` is `job` or `task`, `name` its id or name.

    `answer` says it in words, or why it was not done; `new_id` is the id of the job that a dead letter became.
    """

    kind: str
    name: str
    done: bool
    answer: str
    new_id: str | None = None


class Deeds(Struct, frozen=True):
    """`aioqueue cancel`, `revoke`, `restore` and `replay`."""

    queue: str
    deeds: list[Deed]


class PauseFacts(Struct, frozen=True):
    """`aioqueue pause` and `resume`: how it is now, and whether it was otherwise before."""

    queue: str
    paused: bool
    changed: bool
    running: int


class Purged(Struct, frozen=True):
    """`aioqueue purge`: how many jobs there were."""

    queue: str
    removed: Counts


def tell_deeds(queue: str, deeds: Sequence[Deed], *, as_json: bool) -> None:
    """Print what was done; what was not goes to the error output, and the exit code is 1."""
    if as_json:
        click.echo(json_of(Deeds(queue, list(deeds))))
    else:
        for deed in deeds:
            click.echo(one_line(f"{deed.kind} {deed.name}: {deed.answer}"), err=not deed.done)
    if not all(deed.done for deed in deeds):
        raise click.exceptions.Exit(1)


def tell(facts: Struct, line: str, *, as_json: bool) -> None:
    """Print facts as JSON, or a line about them."""
    click.echo(json_of(facts) if as_json else one_line(line))
