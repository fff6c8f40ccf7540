"""Statistics of the Python code below a directory: one job a file, parsed in processes.

Alone, on SQLite with a worker inside: `python codestats.py [DIR]`. On any store, with as many workers as you like:
`AIOQUEUE_URL=redis://localhost aioqueue worker codestats:queue` in this directory, and with the same AIOQUEUE_URL
`python codestats.py --no-worker [DIR]`.
"""

import ast
import asyncio
import heapq
import os
import sysconfig
import warnings
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import AsyncExitStack
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec
from msgspec import Struct

from aioqueue import AioqueueError, Queue, Result, Task, TaskException

if TYPE_CHECKING:
    from rich.progress import Progress

BATCH = 500
LONGEST = 10
SKIPPED = frozenset({"site-packages", "dist-packages", "__pycache__"})

queue = Queue(name="codestats", result_ttl=600)


class Function(Struct, frozen=True):
    """Where a function is and how many lines it takes; ordered by length, then by place."""

    lines: int
    file: str
    line: int
    name: str


class FileStats(Struct, frozen=True):
    """What there is in one file."""

    lines: int
    functions: int
    classes: int
    longest: list[Function]


class Totals(Struct):
    """What there is in all files; `unreadable` are those that cannot be read, decoded or parsed."""

    files: int = 0
    unreadable: int = 0
    lines: int = 0
    functions: int = 0
    classes: int = 0
    longest: list[Function] = []

    def add(self, stats: FileStats) -> None:
        """Add one file."""
        self.files += 1
        self.lines += stats.lines
        self.functions += stats.functions
        self.classes += stats.classes
        self.longest = longest(chain(self.longest, stats.longest))


# ---------------------------------------------------------------------- the job
@queue.task(executor="process")
def measure(path: str) -> FileStats | None:
    """Parse one file; None if it cannot be read, decoded or parsed."""
    try:
        source = Path(path).read_bytes()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # invalid escapes and the like are the file's own affair
            nodes = list(ast.walk(ast.parse(source, path)))
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    functions = [node for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    return FileStats(
        lines=len(source.splitlines()),
        functions=len(functions),
        classes=sum(isinstance(node, ast.ClassDef) for node in nodes),
        longest=longest(Function(length_of(node), path, node.lineno, node.name) for node in functions),
    )


def length_of(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Return the lines from `def` to the end of the body."""
    return (node.end_lineno or node.lineno) - node.lineno + 1


def longest(functions: Iterable[Function]) -> list[Function]:
    """Return the ten longest functions, the longest first."""
    return heapq.nsmallest(LONGEST, functions, key=lambda f: (-f.lines, f.file, f.line))


# ---------------------------------------------------------------------- its caller
def python_files(directory: Path, skipped: frozenset[str]) -> Iterator[str]:
    """Yield every .py file below `directory`; links to directories are not followed."""
    for folder, folders, names in os.walk(directory):
        folders[:] = [name for name in folders if name not in skipped]
        for name in names:
            path = Path(folder, name)
            if path.suffix == ".py" and path.is_file():
                yield str(path)


async def completed(task: Task[[str], FileStats | None], files: list[str]) -> AsyncIterator[Result[FileStats | None]]:
    """Enqueue a job a file and yield the results as they complete, with at most two batches under way."""
    rest = iter(files)
    ahead = await task.map(islice(rest, BATCH))
    while len(ahead):
        group, ahead = ahead, await task.map(islice(rest, BATCH))
        async for result in group.as_completed():
            yield result


async def add_up(task: Task[[str], FileStats | None], files: list[str], progress: "Progress") -> Totals:
    """Return the totals of all files, moving the bar with each."""
    totals = Totals()
    bar = progress.add_task("parsing", total=len(files))
    async for result in completed(task, files):
        try:
            stats = await result
        except TaskException:  # say, the process died in the parser
            stats = None
        if stats is None:
            totals.unreadable += 1
        else:
            totals.add(stats)
        progress.advance(bar)
    return totals


def task_on(url: str | None) -> tuple[Queue, Task[[str], FileStats | None]]:
    """Return the queue and its task; with a `url` the same ones on that store."""
    if url is None:
        return queue, measure
    there = Queue(url, name=queue.name, result_ttl=600)
    return there, there.task(name=measure.name, executor="process")(measure.fn)


async def collect(url: str | None, files: list[str], progress: "Progress", *, worker_inside: bool) -> Totals:
    """Run the jobs, here or wherever a worker is, and add up their values."""
    on, task = task_on(url)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(on)
        if worker_inside:
            await stack.enter_async_context(on.worker())
        stack.enter_context(progress)
        return await add_up(task, files, progress)


# ---------------------------------------------------------------------- the command line
@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument(
    "directory", default=sysconfig.get_path("stdlib"), type=click.Path(exists=True, file_okay=False, path_type=Path)
)
@click.option("--url", help="The store: sqlite:///…, redis://…  [default: $AIOQUEUE_URL, else sqlite:///aioqueue.db]")
@click.option("--worker/--no-worker", default=True, help="Run a worker inside, or leave the jobs to workers elsewhere.")
@click.option("--site-packages", is_flag=True, help="Look into installed packages below DIRECTORY too.")
@click.option("--json", "as_json", is_flag=True, help="Print the totals as JSON.")
def main(directory: Path, url: str | None, worker: bool, site_packages: bool, as_json: bool) -> None:
    """Count files, lines, functions and classes below DIRECTORY (default: Python's standard library)."""
    files = sorted(python_files(directory.resolve(), frozenset() if site_packages else SKIPPED))
    if not files:
        raise click.ClickException(f"there is no .py file below {directory}")
    if not worker:
        click.echo("The jobs wait for: aioqueue worker codestats:queue", err=True)
    totals = run(url, files, progress_bar(), worker_inside=worker)
    click.echo(msgspec.json.encode(totals).decode() if as_json else table(totals, directory.resolve()))


def run(url: str | None, files: list[str], progress: "Progress", *, worker_inside: bool) -> Totals:
    """Collect the totals; errors and Ctrl-C become one line."""
    try:
        return asyncio.run(collect(url, files, progress, worker_inside=worker_inside))
    except AioqueueError as error:
        raise click.ClickException(str(error)) from None
    except KeyboardInterrupt:
        raise click.ClickException("interrupted; files already enqueued are left to the next worker") from None


def progress_bar() -> "Progress":
    """Return the bar, on stderr. rich is imported here, since the processes that parse need none."""
    try:
        from rich.console import Console  # noqa: PLC0415
        from rich.progress import MofNCompleteColumn, Progress, TimeElapsedColumn  # noqa: PLC0415
    except ImportError:
        raise click.ClickException("the progress bar needs rich: pip install rich (aioqueue's extra 'rich')") from None
    columns = (*Progress.get_default_columns(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=Console(stderr=True))


def table(totals: Totals, directory: Path) -> str:
    """Return the totals for people."""
    counts = (
        f"{totals.files:>12,}  files below {directory}",
        f"{totals.unreadable:>12,}  more that cannot be read, decoded or parsed",
        f"{totals.lines:>12,}  lines",
        f"{totals.functions:>12,}  functions",
        f"{totals.classes:>12,}  classes",
    )
    functions = (
        f"{function.lines:>12,}  {function.name}  {Path(function.file).relative_to(directory)}:{function.line}"
        for function in totals.longest
    )
    return "\n".join((*counts, "The longest functions, in lines:", *functions))


if __name__ == "__main__":
    main()
