"""The SQL statements of this driver by name, read from the files in `sql/`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.resources import files

_HEADER = re.compile(r"^-- name: (\w+)\n", re.MULTILINE)


def _read() -> Iterator[tuple[str, str]]:
    for file in files("aioqueue.drivers.sqlite").joinpath("sql").iterdir():
        _, *parts = _HEADER.split(file.read_text("utf-8"))
        yield from zip(parts[::2], parts[1::2], strict=True)


STATEMENTS = dict(_read())
