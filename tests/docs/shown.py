"""Commands that a page shows and nobody runs: they must at least be such as the program takes."""

from __future__ import annotations

import re
import shlex
from typing import Any, Final

import click

from aioqueue.cli.main import main
from tests.docs.pages import Block

JOB: Final = "ID"  # what pages write for the id of a job
_BETWEEN: Final = re.compile(r"&&|\|\||[&|;]")
_SETTING: Final = re.compile(r"\w+=.*")


def shown_commands(block: Block) -> list[str]:
    """Return each command of the program in a block, without what stands before or behind it in its line."""
    lines = [line.removeprefix("$ ") for line in block.text.replace("\\\n", " ").splitlines()]
    parts = [part for line in lines for part in _BETWEEN.split(re.sub(r"(^|\s)#.*", "", line)) if "aioqueue " in part]
    return [shlex.join(words) for words in map(_without_settings, parts) if words[:1] == ["aioqueue"]]


def _without_settings(part: str) -> list[str]:
    words = shlex.split(part)
    while words and _SETTING.fullmatch(words[0]):
        del words[0]
    return words


def read(command: str) -> None:
    """Read a command as the program would, and run nothing; `click.UsageError` says what it would not take."""
    _, name, *rest = shlex.split(command)
    with click.Context(main, info_name="aioqueue") as context:
        found = main.get_command(context, name)
        if found is None:
            raise click.UsageError(f"there is no command {name!r}")
        with found.make_context(name, rest, parent=context) as given:
            _refuse_no_jobs(given.params)


def _refuse_no_jobs(given: dict[str, Any]) -> None:
    """Refuse what a command would look for in vain: any word could be the id of a job, the name of a task too."""
    if "words" not in given:
        return
    ids = given["words"] if given["url"] or given["queue"] else given["words"][1:]
    if any(one != JOB for one in ids):
        raise click.UsageError(f"{ids} are read as ids of jobs, which pages write as {JOB}; a task is named by --task")
    if [bool(ids), bool(given.get("task")), bool(given.get("every"))].count(True) != 1:
        raise click.UsageError(f"say which: {JOB}, or --task NAME")
