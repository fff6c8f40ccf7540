"""`aioqueue check`: tell whether a worker is running, by the exit code."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import asdict, dataclass
from typing import Any

import click

from aioqueue.cli.check import probes
from aioqueue.cli.check.report import Finding, as_json, as_text, is_running, tell
from aioqueue.cli.numbers import MORE_THAN_ZERO


@dataclass(frozen=True)
class Asked:
    """What the command line asks for."""

    app: str | None
    url: str | None
    queue: str | None
    pidfile: str | None
    title: str | None
    port: int | None
    ready: bool
    max_age: float | None
    timeout: float
    json: bool
    quiet: bool

    @property
    def store(self) -> bool:
        """Whether a store is to be asked."""
        return bool(self.app or self.url or self.queue)


@click.command("check")
@click.argument("app", required=False)
@click.option("--url", metavar="URL", help="The store to ask, without any application.  [with --queue: $AIOQUEUE_URL]")
@click.option("--queue", metavar="NAME", help="The queue's name there.  [default: default]")
@click.option("--pidfile", metavar="FILE", help="A process holds this pidfile (aioqueue worker --pidfile).")
@click.option("--title", metavar="TITLE", help="A process has this title in ps, or one that goes on after it.")
@click.option("--port", type=click.IntRange(1, 65_535), metavar="PORT", help="A worker lives at this health port.")
@click.option("--ready", is_flag=True, help="With --port: it also reaches its store.")
@click.option(
    "--max-age",
    type=MORE_THAN_ZERO,
    metavar="SECONDS",
    help="A worker's last sign of life in the store is no older.  [default: the length of its lease, 30]",
)
@click.option(
    "--timeout",
    type=MORE_THAN_ZERO,
    default=probes.DEFAULT_TIMEOUT,
    show_default=True,
    metavar="SECONDS",
    help="How long a store or a port may take to answer.",
)
@click.option("--json", is_flag=True, help="Print all that was seen as one JSON object; tries to write, too.")
@click.option("-q", "--quiet", is_flag=True, help="Print nothing.")
def command(**options: Any) -> None:
    """Tell whether a worker is running: exit code 0 if so, 1 if not or if that cannot be seen, 2 for wrong usage.

    Ask the store, by APP (module:attribute, which is imported) or by --url and --queue (which imports no application);
    or look at this machine, by --pidfile, --title or --port. Of several ways all must agree.
    """
    asked = Asked(**options)
    _refuse_contradictions(asked)
    findings = probes.look(asked.pidfile, asked.title, asked.port, ready=asked.ready, timeout=asked.timeout)
    if asked.store:
        findings.append(_ask_store(asked))
    if not asked.quiet:
        tell(as_json(findings) if asked.json else as_text(findings))
    sys.exit(0 if is_running(findings) else 1)


def _refuse_contradictions(asked: Asked) -> None:
    for parameter, value in asdict(asked).items():
        if isinstance(value, str) and not value.strip():
            raise click.UsageError(f"{'APP' if parameter == 'app' else f'--{parameter}'} is empty")
    if asked.ready and not asked.port:
        raise click.UsageError("--ready goes with --port: it asks a health port")
    if not (asked.store or asked.pidfile or asked.title or asked.port):
        raise click.UsageError("say where to look: APP, --url, --queue, --pidfile, --title or --port")
    if asked.max_age is not None and not asked.store:
        raise click.UsageError("--max-age asks the store: give APP, or --url and --queue")


def _ask_store(asked: Asked) -> Finding:
    # For a probe of this machine click is enough.
    from aioqueue.cli.check import store  # noqa: PLC0415
    from aioqueue.cli.exits import CannotStart, ServerUnreachable  # noqa: PLC0415
    from aioqueue.cli.loop import new_event_loop  # noqa: PLC0415
    from aioqueue.cli.target import find_queue, refuse_missing_file  # noqa: PLC0415
    from aioqueue.errors import ConfigurationError  # noqa: PLC0415

    try:
        queue = find_queue(asked.app, asked.url, asked.queue)
        refuse_missing_file(queue)
        look = store.look(queue, max_age=asked.max_age, timeout=asked.timeout, try_writing=asked.json)
        with asyncio.Runner(loop_factory=new_event_loop) as runner:
            return runner.run(look)
    except ServerUnreachable as error:
        return store.unreachable(error.message)
    except ConfigurationError as error:
        raise CannotStart(str(error)) from None
