"""The user that docs/operate.md makes for aioqueue, with the least rights."""

from __future__ import annotations

import re
from pathlib import Path

import redis

_OPERATE = Path(__file__).parent.parent / "docs" / "operate.md"


def rights() -> list[str]:
    """Return the words of the command that the documentation names."""
    found = re.search(r"^(ACL SETUSER aioqueue .*?)^```", _OPERATE.read_text(), re.MULTILINE | re.DOTALL)
    assert found is not None
    return found[1].split()


def as_minimal_user(url: str) -> str:
    """Make that user on the server at `url`; return the URL that logs in as it."""
    client = redis.Redis.from_url(url)
    client.execute_command(*rights())
    client.close()
    return url.replace("redis://", "redis://aioqueue:password@")
