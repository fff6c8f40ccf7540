"""How a command ends when it cannot go on: one clear line, and an exit code that says of what kind."""

from __future__ import annotations

import click

from aioqueue.logtext import one_line


class Ended(click.ClickException):
    """What a line quotes may be anything: it stays one line and drives no terminal."""

    def format_message(self) -> str:
        """Return the line, control characters escaped."""
        return one_line(self.message)


class Failed(Ended):
    """Exit code 1: something that the machine was to give is not to be had."""

    exit_code = 1


class CannotStart(Ended):
    """Exit code 2: wrong usage, or an application that cannot be imported."""

    exit_code = 2


class ServerUnreachable(Ended):
    """Exit code 3: no store at the start."""

    exit_code = 3


class AlreadyRunning(Ended):
    """Exit code 4: another process holds the pidfile."""

    exit_code = 4
