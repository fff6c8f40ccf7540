"""Job ids: UUIDv7 (RFC 9562), so that an id tells when it was made."""

from __future__ import annotations

import os
import time
import uuid


def new_id(now: float | None = None) -> str:
    """Return a fresh job id: 36 characters, sortable by the millisecond in which it was made."""
    milliseconds = int((time.time() if now is None else now) * 1000)
    bits = milliseconds << 80 | 0x7 << 76 | 0b10 << 62 | int.from_bytes(os.urandom(10)) & 0x0FFF_3FFF_FFFF_FFFF_FFFF
    text = f"{bits:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def made_at(job_id: str) -> float | None:
    """Return the Unix time in seconds at which `job_id` was made, or None for an id that the caller chose."""
    try:
        parsed = uuid.UUID(job_id)
    except ValueError:
        return None
    return (parsed.int >> 80) / 1000 if parsed.version == 7 else None
