"""Job ids: UUIDv7 (RFC 9562), so that an id tells when it was made."""

from __future__ import annotations

import os
import time
import uuid
from typing import Final

_IDS_AT_ONCE: Final = 256
_VARIANTS: Final = dict(zip("0123456789abcdef", "89ab" * 4, strict=True))

_random_hex: list[str] = []
os.register_at_fork(after_in_child=_random_hex.clear)


def new_id(now: float | None = None) -> str:
    """Return a fresh job id: 36 characters, sortable by the millisecond in which it was made."""
    time_hex = f"{int((time.time() if now is None else now) * 1000):012x}"
    try:
        random_hex = _random_hex.pop()
    except IndexError:
        random_hex = _more_random_hex()
    return (
        f"{time_hex[:8]}-{time_hex[8:]}-7{random_hex[:3]}-"
        f"{_VARIANTS[random_hex[3]]}{random_hex[4:7]}-{random_hex[7:19]}"
    )


def _more_random_hex() -> str:
    """Return the random part of one id, and keep those of many more: asking the system costs as much for one."""
    fresh = os.urandom(10 * _IDS_AT_ONCE).hex()
    _random_hex.extend(fresh[start : start + 20] for start in range(20, len(fresh), 20))
    return fresh[:20]


def made_at(job_id: str) -> float | None:
    """Return the Unix time in seconds at which `job_id` was made, or None for an id that the caller chose."""
    try:
        parsed = uuid.UUID(job_id)
    except ValueError:
        return None
    return (parsed.int >> 80) / 1000 if parsed.version == 7 else None
