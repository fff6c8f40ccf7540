"""Reading server-sent events as a browser does."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

import httpx


class Told(NamedTuple):
    name: str
    id: str
    data: Any


async def told(response: httpx.Response) -> AsyncIterator[Told]:
    """Yield the events of a stream, and a comment as one named "comment"."""
    fields: dict[str, str] = {}
    async for line in response.aiter_lines():
        if line.startswith(":"):
            yield Told("comment", "", line[1:].strip())
        elif line:
            name, _, value = line.partition(": ")
            fields[name] = value
        else:
            if "data" in fields:
                yield Told(fields.get("event", ""), fields.get("id", ""), json.loads(fields["data"]))
            fields = {}


async def all_told(response: httpx.Response) -> list[Told]:
    """Return the events of a stream that ends, without the comments."""
    return [one async for one in told(response) if one.name != "comment"]
