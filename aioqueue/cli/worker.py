"""`aioqueue worker`: run the jobs of one or more queues until told to stop."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, Final, NoReturn

import click
from click.core import ParameterSource
from msgspec import structs

from aioqueue.cli.exits import AlreadyRunning, CannotStart, Failed
from aioqueue.cli.numbers import AT_LEAST_ONE, MORE_THAN_ONE, MORE_THAN_ZERO, PORT, SECONDS
from aioqueue.cli.pidfile import PidFile, PidFileLocked, PidFileUnusable
from aioqueue.cli.running.again import Life, hold_hangups, replace_this_process, this_life
from aioqueue.cli.running.collecting import importing
from aioqueue.cli.running.localzone import local_zone_name
from aioqueue.cli.running.logging import configure, told_in_the_log
from aioqueue.cli.running.settings import LEASE, Settings
from aioqueue.cli.running.systemd import Systemd, systemd_asking

# A loop that stands still may yet go on, and its lease is kept for long: it is killed when it is surely stuck.
_LEASES_BEFORE_STUCK: Final = 3
_MARGIN: Final = 10.0

_option = partial(click.option, show_default=True, show_envvar=True)
_count = partial(_option, type=AT_LEAST_ONE, metavar="N")
_seconds = partial(_option, type=SECONDS, metavar="SECONDS")
_text = partial(_option, default="", show_default=False)


@click.command("worker", context_settings={"auto_envvar_prefix": "AIOQUEUE", "max_content_width": 110})
@click.argument("apps", metavar="APP...", nargs=-1, required=True, envvar="AIOQUEUE_APP")
@_count("-w", "--workers", default=1, help="Worker processes; several have a supervisor.")
@_count("-c", "--concurrency", default=100, help="Jobs at once in each process.")
@_count("-t", "--threads", default=32, help="How many of these in threads.")
@_count("--processes", show_default="one a CPU", help='How many of these in processes: executor="process".')
@_option("-p/-n", "--periodic/--no-periodic", default=True, show_default="on", help="Fire periodic tasks.")
@_option("-u", "--utc", is_flag=True, help="Read schedules that name no time zone in UTC, not in their queue's.")
@_option("--localtime", is_flag=True, help="Read them in the local time zone: $TZ, else the machine's.")
@_seconds(
    "-d",
    "--delay",
    default=0.1,
    type=MORE_THAN_ZERO,
    help="First wait of the safety poll, after trouble.",
)
@_seconds("-m", "--max-delay", default=10.0, type=MORE_THAN_ZERO, help="Longest wait of that poll, and the usual one.")
@_option(
    "-b", "--backoff", default=1.15, type=MORE_THAN_ONE, metavar="FACTOR", help="Growth of that wait, more than 1."
)
@_seconds("--shutdown-timeout", default=30.0, help="How long a stop waits for running jobs; then they are handed back.")
@_seconds("--lease", default=LEASE, type=MORE_THAN_ZERO, help="After how long without a sign of life others take over.")
@_seconds("--loop-limit", default=1.0, type=MORE_THAN_ZERO, help="Log what blocks the event loop for longer.")
@_seconds(
    "--health-check-interval",
    show_default="three leases and 10",
    help="A supervised process whose event loop does not turn for so long is killed and replaced; 0: never.",
)
@_count("--max-tasks", help="Start anew after about so many jobs, give or take a tenth.")
@_option("--burst", is_flag=True, help="Run what is due and end.")
@_option("--flush-locks", is_flag=True, help="Free all locks of the queues first, whoever holds them.")
@_option("--reload", is_flag=True, help="Start anew when Python files below this directory change.")
@_text("--pidfile", type=click.Path(), metavar="FILE", help="Hold this file: a second one on it ends with code 4.")
@_option(
    "--health-port",
    type=PORT,
    metavar="PORT",
    help="Answer /livez and /readyz on 127.0.0.1; 0: any free port. With a supervisor /livez is about it alone.",
)
@_text("--name", metavar="NAME", help="What this worker is called where workers are listed.")
@_text("-l", "--logfile", type=click.Path(), metavar="FILE", help="Log there; at 1 MB begin another, keep three.")
@_option("--log-format", default="plain", type=click.Choice(["plain", "json"]), help="A line, or an object a line.")
@_option("--log-arguments", is_flag=True, help="With -v, log the arguments of jobs too.")
@_option("-v", "--verbose", is_flag=True, help="Log every job.")
@_option("-q", "--quiet", is_flag=True, help="Log errors only.")
@_option("--dry-run", is_flag=True, help="Import the application, print what would be run, and end.")
@click.pass_context
def command(
    context: click.Context,
    /,
    *,
    utc: bool,
    localtime: bool,
    health_check_interval: float | None,
    lease: float,
    dry_run: bool,
    **options: Any,
) -> None:
    """Run the jobs of one or more queues, each named as module:attribute.

    SIGTERM and SIGINT stop it when the running jobs have ended; a second one hands them back at once. SIGHUP starts it
    anew with fresh code, several processes one after another; code that does not start changes nothing.

    Exit codes: 0 stopped, 1 failed, 2 wrong usage or an application that cannot be imported, 3 a server that cannot be
    reached at the start, 4 a pidfile that another process holds. 1 too if a stop could not hand back what ran.
    """
    verbose, quiet = _one_of(context, "verbose", "quiet")
    utc, localtime = _one_of(context, "utc", "localtime")
    settings = Settings(
        **{**options, "verbose": verbose, "quiet": quiet},
        zone="UTC" if utc else _local_zone() if localtime else "",
        lease=lease,
        health_check_interval=_stuck_after(lease) if health_check_interval is None else health_check_interval,
    )
    _refuse_contradictions(context, settings)
    if dry_run:
        from aioqueue.cli.running.plan import plan  # noqa: PLC0415 -- only here it imports what a supervisor does without

        click.echo(plan(settings))
        return
    _run(settings)


def _run(settings: Settings) -> None:
    hold_hangups()
    life, systemd = this_life(), systemd_asking(os.environ)
    if life.number:
        configure(of_one := structs.replace(settings, number=life.number))
        with told_in_the_log(of_one):
            _serve(of_one, life, systemd, None)
        return
    with _held(settings.pidfile) as pidfile:
        configure(settings)
        with told_in_the_log(settings):
            if settings.is_supervised:
                _supervise(settings, systemd)
            else:
                _serve(settings, life, systemd, pidfile)


def _supervise(settings: Settings, systemd: Systemd) -> None:
    from aioqueue.cli.running.supervisor import supervise  # noqa: PLC0415 -- the worker processes do without it

    code = supervise(settings, systemd)
    if code:
        raise click.exceptions.Exit(code)


def _serve(settings: Settings, life: Life, systemd: Systemd, pidfile: PidFile | None) -> None:
    with importing():
        from aioqueue.cli.running.serving import flush_output, serve  # noqa: PLC0415 -- a supervisor does without it

    def start_anew() -> NoReturn:
        flush_output()
        if pidfile is not None:
            pidfile.keep_over_exec()
        try:
            replace_this_process(Life(again=True))
        except OSError as error:
            raise Failed(f"cannot start anew: {error}") from None

    serve(settings, life, systemd, start_anew)


@contextmanager
def _held(path: str) -> Iterator[PidFile | None]:
    """Hold the pidfile for the length of the block, if there is to be one."""
    if not path:
        yield None
        return
    pidfile = PidFile(path)
    try:
        pidfile.acquire()
    except PidFileLocked as error:
        raise AlreadyRunning(str(error)) from None
    except PidFileUnusable as error:
        raise Failed(str(error)) from None
    try:
        yield pidfile
    finally:
        pidfile.release()


# ---------------------------------------------------------------------- what was asked for
def _one_of(context: click.Context, one: str, other: str) -> tuple[bool, bool]:
    """Return two flags that exclude each other: the command line goes before the environment."""
    flags = {name: bool(context.params[name]) for name in (one, other)}
    if all(flags.values()):
        said = [name for name in flags if context.get_parameter_source(name) is ParameterSource.COMMANDLINE]
        if len(said) != 1:
            raise click.UsageError(f"give --{one} or --{other}, not both")
        return one in said, other in said
    return flags[one], flags[other]


def _stuck_after(lease: float) -> float:
    return _LEASES_BEFORE_STUCK * lease + _MARGIN


def _local_zone() -> str:
    try:
        return local_zone_name()
    except LookupError as error:
        raise CannotStart(f"--localtime: {error.args[0]}") from None


def _refuse_contradictions(context: click.Context, settings: Settings) -> None:
    if settings.max_delay < settings.delay:
        raise click.UsageError(
            f"--max-delay {settings.max_delay:g} is less than --delay {settings.delay:g}: the wait cannot shrink"
        )
    for parameter, given in (("reload", settings.reload), ("max_tasks", settings.max_tasks is not None)):
        if settings.burst and given:
            raise click.UsageError(f"--burst ends when nothing is due: it does not go with {_said(context, parameter)}")


def _said(context: click.Context, parameter: str) -> str:
    """Return an option as it was given: what came from the environment is not in the command that is read over."""
    from_environment = context.get_parameter_source(parameter) is ParameterSource.ENVIRONMENT
    return f"AIOQUEUE_{parameter.upper()}" if from_environment else f"--{parameter.replace('_', '-')}"
