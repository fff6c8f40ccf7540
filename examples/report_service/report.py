"""A report on a CSV file, in one pass: what its columns hold. Nothing here knows of the web or of a queue."""

from __future__ import annotations

import csv
import math
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import TextIOWrapper
from pathlib import Path
from typing import TextIO

MOST_COLUMNS = 200
LONGEST_FIELD = 10_000
TOP = 5
MOST_DISTINCT = 10_000
TOLD_EVERY = 64 * 1024
DELIMITERS = ",;\t|"

Tell = Callable[[int, int, int], None]


class NotCsv(ValueError):  # noqa: N818 -- it reads as what is said of the file
    """The file is no CSV that a report can be made of; the message says where and why, in one line."""


@dataclass(frozen=True)
class Share:
    """One value of a column, and in how many rows it stands."""

    value: str
    rows: int


@dataclass(frozen=True)
class Numbers:
    """What a column of numbers amounts to."""

    smallest: float
    mean: float
    largest: float
    total: float


@dataclass(frozen=True)
class Column:
    """One column: `numbers` if all that is filled in is numbers, else the most frequent values.

    `distinct` is None for more than ten thousand.
    """

    name: str
    filled: int
    distinct: int | None
    numbers: Numbers | None
    top: list[Share]


@dataclass(frozen=True)
class Report:
    """What there is in a file."""

    title: str
    rows: int
    columns: list[Column]


class ColumnTally:
    """Counts one column, row by row."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.filled = 0
        self.values: Counter[str] | None = Counter()
        self.all_numbers = True
        self.smallest, self.largest, self.total = math.inf, -math.inf, 0.0

    def add(self, text: str) -> None:
        """Count one field."""
        text = text.strip()
        if not text:
            return
        self.filled += 1
        if self.values is not None:
            self.values[text] += 1
            if len(self.values) > MOST_DISTINCT:
                self.values = None
        if self.all_numbers:
            self._add_number(text)

    def column(self) -> Column:
        """Return what was counted."""
        numbers = None
        if self.filled and self.all_numbers:
            numbers = Numbers(self.smallest, self.total / self.filled, self.largest, self.total)
        distinct = None if self.values is None else len(self.values)
        top = self.values.most_common(TOP) if self.values is not None and numbers is None else []
        return Column(self.name, self.filled, distinct, numbers, [Share(*share) for share in top])

    def _add_number(self, text: str) -> None:
        try:
            number = float(text)
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            self.all_numbers = False
            return
        self.smallest, self.largest = min(self.smallest, number), max(self.largest, number)
        self.total += number


def report_on(path: Path, title: str, tell: Tell = lambda *_: None) -> Report:
    """Read a file and report on it; `tell(bytes done, bytes in all, rows)` is called now and then.

    Raises `NotCsv` for a row that does not fit the head.
    """
    size, next_told, rows = path.stat().st_size, TOLD_EVERY, 0
    step = max(size // 100, TOLD_EVERY)
    with path.open("rb") as source, TextIOWrapper(source, encoding="utf-8-sig", newline="") as file:
        reader = rows_of(file)
        tallies = [ColumnTally(name) for name in next(reader)]
        for row in reader:
            rows += 1
            for tally, text in zip(tallies, row, strict=True):
                tally.add(text)
            if rows % 100 == 0 and (done := source.tell()) >= next_told:
                tell(done, size, rows)
                next_told = done + step
    return Report(title, rows, [tally.column() for tally in tallies])


def rows_of(file: TextIO) -> Iterator[list[str]]:
    """Yield the head of a CSV file and then its rows, all of the same length; blank lines are left out.

    Raises `NotCsv`, naming the line.
    """
    delimiter = delimiter_of(next((line for line in file if line.strip()), ""))
    file.seek(0)
    reader = csv.reader(file, delimiter=delimiter, strict=True)
    head: list[str] = []
    try:
        for row in reader:
            if not row:
                continue
            if not head:
                head = checked_head(row)
            elif len(row) != len(head):
                raise NotCsv(f"line {reader.line_num} has {len(row)} fields, but the first has {len(head)}")
            yield row
    except csv.Error as error:
        raise NotCsv(f"line {reader.line_num} cannot be read as CSV: {error}") from None


def delimiter_of(line: str) -> str:
    """Return what the head is divided by: the most frequent of comma, semicolon, tab and bar."""
    return max(DELIMITERS, key=line.count)


def checked_head(head: list[str]) -> list[str]:
    """Return the names of the columns; `NotCsv` if there are too many, or one is missing or is too long."""
    if len(head) > MOST_COLUMNS:
        raise NotCsv(f"there are {len(head)} columns; {MOST_COLUMNS} are the most")
    for number, name in enumerate(head, 1):
        if not name.strip():
            raise NotCsv(f"column {number} has no name in the first line")
        if len(name) > LONGEST_FIELD:
            raise NotCsv(f"the name of column {number} is longer than {LONGEST_FIELD:,} characters")
    return head
