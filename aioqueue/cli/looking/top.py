"""`aioqueue top`: watch a queue live."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import click

from aioqueue.cli.exits import CannotStart
from aioqueue.cli.looking.gathering import look_at_status
from aioqueue.cli.looking.telling import refuse_without_rich
from aioqueue.cli.numbers import MORE_THAN_ZERO
from aioqueue.cli.target import for_a_queue, visit
from aioqueue.queue import Queue

if TYPE_CHECKING:
    from rich.console import Console

_INSTEAD = "ask aioqueue status --json"


@click.command("top")
@for_a_queue
@click.option(
    "--interval",
    type=MORE_THAN_ZERO,
    default=1.0,
    show_default=True,
    metavar="SECONDS",
    help="How often to look.",
)
@click.option("--once", is_flag=True, help="Print one frame and end.")
def command(queue: Queue, interval: float, once: bool) -> None:
    """Watch a queue live: its counts, how fast its workers are, what they run, their event loops and memory.

    q or Ctrl-C leaves. What workers say of themselves is as old as their last sign of life, some seconds.
    """
    refuse_without_rich(_INSTEAD)
    from rich.console import Console  # noqa: PLC0415 -- may be missing

    console = Console(highlight=False, markup=False, emoji=False)
    if once:
        _print_frame(queue, console)
        return
    if not console.is_terminal or console.is_dumb_terminal:
        raise CannotStart(f"top draws on a terminal, and this is none: ask for one frame with --once, or {_INSTEAD}")
    from aioqueue.cli.looking.live import watch  # noqa: PLC0415 -- needs rich

    visit(queue, partial(watch, console=console, interval=interval))


def _print_frame(queue: Queue, console: Console) -> None:
    from aioqueue.cli.looking.frame import View  # noqa: PLC0415 -- needs rich

    view = View()
    view.note(visit(queue, look_at_status))
    console.print(view.frame(console.width, console.height))
