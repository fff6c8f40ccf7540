"""The `aioqueue` command itself."""

from __future__ import annotations

import importlib
from typing import Final

import click

_COMMANDS: Final = {
    "worker": "Run the jobs of one or more queues.",
}


class _LazyGroup(click.Group):
    """Imports a command only when it is run, so that `--help` starts fast."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 -- click's signature
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in _COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"aioqueue.cli.{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))


@click.group("aioqueue", cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="aioqueue", message="%(prog)s %(version)s")
def main() -> None:
    """aioqueue: the asyncio-native task queue."""
