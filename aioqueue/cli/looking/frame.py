"""One frame of `aioqueue top`."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from aioqueue.cli.looking.facts import RunningFacts, StatusFacts, WorkerFacts
from aioqueue.cli.looking.pace import Pace
from aioqueue.cli.looking.tables import (
    BAD,
    STRONG,
    WEAK,
    brief,
    headline,
    lag_text,
    new_table,
    plain,
    seen_text,
    short_name,
    worker_name,
)
from aioqueue.cli.looking.wording import ahead, many, rate, size, span

_BARS = " ▁▂▃▄▅▆▇█"
_REMEMBERED = 300
_LINES_AROUND_TABLES = 15


class View:
    """What has been seen of a queue so far: the last look, the pace of its workers, and how long its line was."""

    def __init__(self) -> None:
        self.trouble: str = ""
        self._status: StatusFacts | None = None
        self._pace = Pace()
        self._queued: deque[int] = deque(maxlen=_REMEMBERED)
        self._ended: deque[float] = deque(maxlen=_REMEMBERED)

    def note(self, status: StatusFacts) -> None:
        """Take a look down."""
        self.trouble = ""
        self._status = status
        self._pace.note(status.workers)
        self._queued.append(status.counts.queued)
        self._ended.append(self._total(status)[0])

    def frame(self, width: int, height: int) -> RenderableType:
        """Return what there is to see, in so many lines."""
        status = self._status
        if status is None:
            return Text()
        room = max(height - _LINES_AROUND_TABLES, 4)
        jobs = _longest_first(status.workers)
        workers = max(room - max(len(jobs), 1), room // 2)
        return Group(
            self._head(status, width),
            self._numbers(status),
            Text(),
            self._trends(width),
            Text(),
            *_cut(self._workers(status.workers[:workers]), len(status.workers) - workers, "worker"),
            *_running(jobs, room - min(len(status.workers), workers), _jobs_not_told(status.workers)),
        )

    def _head(self, status: StatusFacts, width: int) -> RenderableType:
        head = Table.grid(expand=True)
        head.add_column(ratio=1)
        head.add_column(justify="right", no_wrap=True)
        head.width = width
        right = Text(f"  {status.time:%H:%M:%S} UTC   q quits", WEAK)
        head.add_row(_cut_off(headline(status)), right)
        head.add_row(_cut_off(Text.assemble((self.trouble, f"{BAD} reverse"))), "")
        return head

    def _numbers(self, status: StatusFacts) -> RenderableType:
        ended, failed = self._total(status)
        counts = status.counts
        numbers = Table.grid(padding=(0, 4))
        cells = [
            _number("queued", f"{counts.queued:,}"),
            _number("scheduled", f"{counts.scheduled:,}"),
            _number("running", f"{counts.running:,}"),
            _number("dead", f"{counts.dead:,}", BAD if counts.dead else STRONG),
            _number("done", rate(ended)),
            _number("failed", rate(failed), BAD if failed else STRONG),
            _number("next due", ahead(status.next_due_at, status.time) or "-"),
        ]
        numbers.add_row(*cells)
        return numbers

    def _trends(self, width: int) -> RenderableType:
        room = max(width - 36, 10)
        trends = Table.grid(padding=(0, 2))
        queued, ended = list(self._queued)[-room:], list(self._ended)[-room:]
        trends.add_row(Text("queued", WEAK), _bars(queued, "yellow"), Text(f"at most {max(queued):,}", WEAK))
        trends.add_row(Text("done", WEAK), _bars(ended, "green"), Text(f"at most {rate(max(ended))}", WEAK))
        return trends

    def _workers(self, workers: Sequence[WorkerFacts]) -> Table:
        table = new_table("worker", "up!", *((name, "r") for name in _WORKER_NUMBERS), "seen!")
        for worker in workers:
            ended, failed = self._pace.of(worker)
            table.add_row(
                brief(worker_name(worker)),
                span((worker.renewed_at - worker.started_at).total_seconds() + worker.age),
                f"{worker.running_count}/{worker.concurrency}",
                rate(ended),
                Text(rate(failed), BAD if failed else ""),
                size(worker.memory),
                lag_text(worker),
                Text(f"{worker.loop_blocks:,}", BAD if worker.loop_blocks else ""),
                seen_text(worker),
            )
        return table

    def _total(self, status: StatusFacts) -> tuple[float, float]:
        paces = [self._pace.of(worker) for worker in status.workers]
        return sum(ended for ended, _ in paces), sum(failed for _, failed in paces)


_WORKER_NUMBERS = ("jobs", "done", "failed", "memory", "lag", "blocks")


def _cut_off(line: Text) -> Text:
    line.no_wrap, line.overflow = True, "ellipsis"
    return line


def _number(name: str, value: str, style: str = STRONG) -> Text:
    return Text.assemble((name, WEAK), "\n", (value, style))


def _bars(values: Sequence[float], style: str) -> Text:
    highest = max(values, default=0.0)
    heights = (round(value / highest * 8) if highest else 0 for value in values)
    return Text(
        "".join(_BARS[max(height, 1)] if value else "▁" for height, value in zip(heights, values, strict=True)), style
    )


def _longest_first(workers: Iterable[WorkerFacts]) -> list[tuple[RunningFacts, WorkerFacts]]:
    running = [(job, worker) for worker in workers for job in worker.running]
    return sorted(running, key=lambda pair: -(pair[0].seconds + pair[1].age))


def _jobs_not_told(workers: Iterable[WorkerFacts]) -> int:
    """Return how many more jobs run than workers tell of."""
    return sum(worker.running_count - len(worker.running) for worker in workers)


def _running(jobs: Sequence[tuple[RunningFacts, WorkerFacts]], room: int, more: int) -> Iterator[RenderableType]:
    if not jobs:
        return
    table = new_table(("running for", "r"), "job!", "task", "worker")
    shown = jobs[: max(room, 1)]
    for job, worker in shown:
        table.add_row(span(job.seconds + worker.age), plain(job.id), brief(job.task), brief(short_name(worker)))
    yield Text()
    yield from _cut(table, len(jobs) - len(shown) + more, "job")


def _cut(table: Table, left: int, what: str) -> Iterator[RenderableType]:
    yield table
    if left > 0:
        yield Text(f"and {many(left, f'more {what}')}", WEAK)
