"""Asking before something is done that somebody may regret."""

from __future__ import annotations

import sys
from typing import Final

import click

from aioqueue.cli.exits import CannotStart
from aioqueue.logtext import one_line

yes_option: Final = click.option("-y", "--yes", is_flag=True, help="Do it without asking.")


def refuse_unasked(why: str, *, yes: bool) -> None:
    """Raise `CannotStart` if it would have to be asked, `why`, and there is no terminal to ask on."""
    if not (yes or sys.stdin.isatty()):
        raise CannotStart(f"{why}, and there is no terminal to ask on: say --yes")


def ask(question: str, *, yes: bool) -> None:
    """Go on if the answer is yes; else end the command with exit code 1."""
    if not yes:
        click.confirm(one_line(question), abort=True, err=True)
