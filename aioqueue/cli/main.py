"""The `aioqueue` command itself."""

from __future__ import annotations

import importlib
from typing import Final

import click

from aioqueue.version import __version__

# Each with the module that has it as `command`, and what `--help` says of it.
_COMMANDS: Final = {
    "worker": ("aioqueue.cli.worker", "Run the jobs of one or more queues."),
    "check": ("aioqueue.cli.check.command", "Tell whether a worker is running, by the exit code."),
    "status": ("aioqueue.cli.looking.status", "Show how much there is to do, and who does it."),
    "top": ("aioqueue.cli.looking.top", "Watch a queue live."),
    "jobs": ("aioqueue.cli.looking.jobs", "List the jobs on one shelf."),
    "job": ("aioqueue.cli.looking.job", "Show all that is known of a job."),
    "workers": ("aioqueue.cli.looking.workers", "Show who works on a queue, and what they run."),
    "schedule": ("aioqueue.cli.looking.schedule", "Show scheduled jobs and periodic tasks."),
    "replay": ("aioqueue.cli.steering.replay", "Run dead letters again."),
    "cancel": ("aioqueue.cli.steering.cancel", "End jobs now, running ones too."),
    "revoke": ("aioqueue.cli.steering.revoke", "Keep jobs, or all of a task, from running."),
    "restore": ("aioqueue.cli.steering.restore", "Take a revoke back."),
    "pause": ("aioqueue.cli.steering.pause", "Let workers start no further jobs."),
    "resume": ("aioqueue.cli.steering.resume", "Let workers start jobs again."),
    "purge": ("aioqueue.cli.steering.purge", "Remove all jobs of a queue."),
}


class _LazyGroup(click.Group):
    """Imports a command only when it is run, so that `--help` starts fast."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 -- click's signature
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in _COMMANDS:
            return None
        command: click.Command = importlib.import_module(_COMMANDS[cmd_name][0]).command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl([(name, said) for name, (_, said) in _COMMANDS.items()])


@click.group("aioqueue", cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="%(prog)s %(version)s")
def main() -> None:
    """aioqueue: the asyncio-native task queue."""
