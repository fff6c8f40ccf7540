"""Tables for people. Whatever a queue says itself is shown as plain text, control characters escaped."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from functools import singledispatch

from msgspec import Struct
from rich.box import SIMPLE_HEAD
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from aioqueue.cli.looking.arguments import as_call
from aioqueue.cli.looking.facts import (
    JobFacts,
    OneJob,
    ScheduleFacts,
    ShelfFacts,
    StatusFacts,
    WorkerFacts,
    WorkersFacts,
)
from aioqueue.cli.looking.wording import ago, ahead, many, size, span, stamp
from aioqueue.logtext import many_lines, one_line

_LONGEST_ARGUMENTS = 200
_NARROWEST, _WIDEST = 80, 10_000
GOOD, BAD, WEAK, STRONG = "green", "red", "dim", "bold"
STATE_STYLES = {"succeeded": GOOD, "running": "cyan", "failed": BAD, "cancelled": "yellow", "expired": "yellow"}


def print_tables(facts: Struct) -> None:
    """Print facts; where no terminal shows them, every row is one line, however long."""
    console = Console(highlight=False, markup=False, emoji=False)
    shown = tables_of(facts)
    if not console.is_terminal:
        widest = console.options.update(max_width=_WIDEST)
        console.width = max(console.measure(shown, options=widest).maximum, _NARROWEST)
    console.print(shown)


@singledispatch
def tables_of(facts: Struct) -> RenderableType:
    """Return facts as they are shown."""
    raise TypeError(f"no table for {facts!r}")


@tables_of.register
def _(facts: StatusFacts) -> RenderableType:
    counts = facts.counts
    table = new_table(("queued", "r"), ("scheduled", "r"), ("running", "r"), ("dead", "r"), "next due")
    table.add_row(
        f"{counts.queued:,}",
        f"{counts.scheduled:,}",
        f"{counts.running:,}",
        Text(f"{counts.dead:,}", BAD if counts.dead else ""),
        ahead(facts.next_due_at, facts.time),
    )
    shown: list[RenderableType] = [headline(facts), Text(), table]
    return Group(*shown, Text(), workers_table(facts.workers)) if facts.workers else Group(*shown)


@tables_of.register
def _(facts: WorkersFacts) -> RenderableType:
    if not facts.workers:
        return Text(f"no worker on queue {facts.queue!r}", BAD)
    running = [(worker, job) for worker in facts.workers for job in worker.running]
    if not running:
        return workers_table(facts.workers)
    jobs = new_table(_ID, "task", "worker", ("for", "r"))
    for worker, job in running:
        jobs.add_row(plain(job.id), plain(job.task), plain(short_name(worker)), span(job.seconds))
    return Group(workers_table(facts.workers), Text(), jobs)


@tables_of.register
def _(facts: ShelfFacts) -> RenderableType:
    if not facts.jobs:
        what = "dead letters" if facts.shelf == "dead" else f"{facts.shelf} jobs"
        return Text(f"no {what} on queue {facts.queue!r}")
    return Group(_jobs_table(facts.shelf, facts.jobs, facts.time), *_rest_of(len(facts.jobs), facts.total))


@tables_of.register
def _(facts: OneJob) -> RenderableType:
    return Group(*(_job_card(job, facts.time) for job in facts.jobs))


@tables_of.register
def _(facts: ScheduleFacts) -> RenderableType:
    shown: list[RenderableType] = [_periodic_part(facts)]
    if facts.jobs:
        shown += [_jobs_table("scheduled", facts.jobs, facts.time), *_rest_of(len(facts.jobs), facts.total)]
    else:
        shown.append(Text(f"no scheduled jobs on queue {facts.queue!r}"))
    return Group(*shown)


# ---------------------------------------------------------------------- parts
def plain(said: str) -> Text:
    """Return foreign words as they are, on one line, escaped."""
    return Text(one_line(said))


def brief(said: str) -> Text:
    """Return foreign words as `plain` does, cut off where they do not fit."""
    return Text(one_line(said), no_wrap=True, overflow="ellipsis")


def headline(facts: StatusFacts) -> Text:
    """Return in one line whether a queue works."""
    available = sum(worker.available for worker in facts.workers)
    verdict = (many(available, "worker"), GOOD) if available else ("no worker", BAD)
    line = Text.assemble(("queue ", WEAK), (facts.queue, STRONG), "   ", verdict)
    if stopping := sum(worker.alive and worker.stopping for worker in facts.workers):
        line.append(f", {stopping} stopping", "yellow")
    if silent := sum(not worker.alive for worker in facts.workers):
        line.append(f", {silent} silent", BAD)
    if facts.paused:
        line.append("   paused: workers start nothing", "bold yellow")
    return line


def worker_name(worker: WorkerFacts) -> str:
    """Return what a worker is called: its name, and where it runs."""
    place = f"{worker.host}:{worker.pid}"
    return f"{worker.name} ({place})" if worker.name else place


def short_name(worker: WorkerFacts) -> str:
    """Return a name that tells a worker from the others beside a job."""
    return f"{worker.name or worker.host}:{worker.pid}"


def workers_table(workers: Iterable[WorkerFacts]) -> Table:
    """Return a table of workers."""
    table = new_table("worker", "up", ("jobs", "r"), ("done", "r"), ("failed", "r"), ("memory", "r"), ("lag", "r"),
                   ("blocks", "r"), "seen")  # fmt: skip
    for worker in workers:
        table.add_row(
            plain(worker_name(worker)),
            span((worker.renewed_at - worker.started_at).total_seconds() + worker.age),
            f"{worker.running_count}/{worker.concurrency}",
            f"{worker.processed:,}",
            Text(f"{worker.failed:,}", BAD if worker.failed else ""),
            size(worker.memory),
            lag_text(worker),
            Text(f"{worker.loop_blocks:,}", BAD if worker.loop_blocks else ""),
            seen_text(worker),
        )
    return table


def lag_text(worker: WorkerFacts) -> Text:
    """Return for how long the event loop of a worker keeps others waiting."""
    return Text(f"{worker.loop_lag * 1_000:.0f} ms", BAD if worker.loop_lag > 0.1 else "")


def seen_text(worker: WorkerFacts) -> Text:
    """Return when a worker gave its last sign of life."""
    if not worker.alive:
        return Text(f"silent for {span(worker.age)}", BAD)
    if worker.stopping:
        return Text("stopping", "yellow")
    return Text(f"{span(worker.age)} ago")


_ID = "id!"


def new_table(*columns: str | tuple[str, str]) -> Table:
    """Return an empty table: a name that ends in `!` is of what must not be cut, one with `r` of numbers."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style=WEAK, border_style=WEAK)
    for column in columns:
        name = column if isinstance(column, str) else column[0]
        number = not isinstance(column, str)
        table.add_column(
            name.rstrip("!"),
            justify="right" if number else "left",
            no_wrap=number or name.endswith("!"),
            overflow="fold",
        )
    return table


def _jobs_table(shelf: str, jobs: Sequence[JobFacts], now: datetime) -> Table:
    """Return a table of jobs, without columns that would say nothing."""
    columns = [(name, cells) for name, cells in _columns(shelf, jobs, now) if any(map(str, cells))]
    table = new_table(_ID, *(name for name, _ in columns))
    for job, *cells in zip(jobs, *(cells for _, cells in columns), strict=True):
        table.add_row(plain(job.id), *cells)
    return table


def _columns(
    shelf: str, jobs: Sequence[JobFacts], now: datetime
) -> Iterator[tuple[str | tuple[str, str], list[str | Text]]]:
    match shelf:
        case "queued":
            yield "made!", [ago(job.made_at, now) for job in jobs]
        case "scheduled":
            yield "due!", [ahead(job.due_at, now) for job in jobs]
        case "running":
            yield ("for", "r"), ["" if job.running_for is None else span(job.running_for) for job in jobs]
        case _:
            yield "died!", [ago(job.died_at, now) for job in jobs]
    yield ("prio", "r"), [str(job.priority or "") for job in jobs]
    yield ("tries", "r"), [str(job.tries or "") for job in jobs]
    yield ("lost", "r"), [str(job.deliveries or "") for job in jobs]
    yield "task", [_call(job) for job in jobs]
    yield "reason", [plain(job.dead_reason or "") for job in jobs]


def _call(job: JobFacts) -> Text:
    """Return the task of a job, with its arguments if they were asked for."""
    call = plain(job.task or "")
    if job.arguments is not None:
        call.append(f"({_cut(as_call(job.arguments))})", WEAK)
    if job.revoked:
        call.append(" revoked", "yellow")
    if job.readable is False and not job.dead_reason:
        call.append(" cannot be read here", BAD)
    return call


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST_ARGUMENTS else f"{text[: _LONGEST_ARGUMENTS - 3]}..."


def _rest_of(shown: int, total: int) -> list[Text]:
    return [Text(f"{shown:,} of {total:,}: more with --limit", WEAK)] if total > shown else []


def _job_card(job: JobFacts, now: datetime) -> RenderableType:
    if job.state == "unknown":
        return Text.assemble(("job ", WEAK), plain(job.id), ("  unknown", BAD))
    card = Table.grid(padding=(0, 2))
    card.add_column(style=WEAK, no_wrap=True)
    card.add_column(overflow="fold")
    for name, value in _rows(job, now):
        if value:
            card.add_row(name, value if isinstance(value, Text) else Text(value))
    return Group(card, Text())


def _rows(job: JobFacts, now: datetime) -> Iterable[tuple[str, Text | str]]:
    yield "job", Text(one_line(job.id), STRONG)
    yield "task", plain(job.task or "")
    yield "state", _state(job)
    yield "revoked", Text("dropped when its turn comes", "yellow") if job.revoked else ""
    yield "priority", str(job.priority) if job.priority else ""
    yield "made", _when(job.made_at, ago(job.made_at, now))
    yield "due", _when(job.due_at, ahead(job.due_at, now))
    yield "expires", _when(job.expires_at, ahead(job.expires_at, now))
    yield "running for", span(job.running_for) if job.running_for is not None else ""
    yield "worker", plain(job.worker or "")
    yield "tries", _tries(job)
    yield "last error", plain(job.last_error or "")
    yield "died", _when(job.died_at, ago(job.died_at, now))
    yield "because", plain(job.dead_reason or "") if job.ending is None or job.ending.error != job.dead_reason else ""
    yield "replayed from", plain(job.replayed_from or "")
    yield "then", plain(", ".join(job.later or ()))
    yield "arguments", as_call(job.arguments) if job.arguments else ""
    yield "value", plain(repr(job.value)) if job.value is not None else ""
    if job.ending is not None:
        yield job.ending.cause, Text(one_line(job.ending.error.removeprefix(f"{job.ending.cause}: ")), BAD)
        yield "traceback", Text(many_lines(job.ending.traceback.rstrip()))


def _state(job: JobFacts) -> Text:
    state = Text.assemble((job.state, STATE_STYLES.get(job.state, "")))
    if job.waiting:
        state.append(": waits for the job before it", WEAK)
    if job.dead_reason:
        state.append(": a dead letter, which can be replayed", WEAK)
    if job.readable is False:
        state.append("; its record cannot be read here", BAD)
    return state


def _tries(job: JobFacts) -> str:
    lost = f", lost with its worker {many(job.deliveries, 'time')}" if job.deliveries else ""
    left = f", {many(job.retries, 'retry').replace('retrys', 'retries')} left" if job.retries else ""
    return f"{job.tries or 0}{left}{lost}" if job.tries or left or lost else ""


def _when(moment: datetime | None, roughly: str) -> str:
    return f"{stamp(moment)} ({roughly})" if moment else ""


def _periodic_part(facts: ScheduleFacts) -> RenderableType:
    if facts.periodic is None:
        return Text("periodic tasks are known to the application: name it as APP to see them", WEAK)
    if not facts.periodic:
        return Text(f"no periodic tasks on queue {facts.queue!r}")
    table = new_table("periodic task", "schedule", "last", "next", "")
    for periodic in facts.periodic:
        name = plain(periodic.task)
        if periodic.revoked:
            name.append(" revoked", "yellow")
        table.add_row(
            name,
            plain(periodic.schedule),
            ago(periodic.last, facts.time),
            "\n".join(map(stamp, periodic.next)) or Text("never", BAD),
            "\n".join(ahead(slot, facts.time) for slot in periodic.next),
        )
    warning = [] if facts.fired_by_anyone else [Text("no live worker fires periodic tasks", BAD)]
    return Group(table, *warning, Text())
