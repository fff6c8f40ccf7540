"""Numbers and times as people say them."""

from __future__ import annotations

from datetime import datetime

from aioqueue.logtext import noun


def span(seconds: float) -> str:
    """Return a length of time, roughly: `0.4 s`, `12 s`, `3 min`, `2 h 05 min`, `4 d 3 h`."""
    if seconds < 120:
        return f"{seconds:.0f} s" if seconds >= 1 else f"{round(seconds, 1):g} s"
    minutes, hours, days = int(seconds // 60), int(seconds // 3_600), int(seconds // 86_400)
    if hours < 2:
        return f"{minutes} min"
    return f"{hours} h {minutes % 60:02} min" if days < 2 else f"{days} d {hours % 24} h"


def ago(moment: datetime | None, now: datetime) -> str:
    """Return how long ago a moment was."""
    return f"{span(max((now - moment).total_seconds(), 0.0))} ago" if moment else ""


def ahead(moment: datetime | None, now: datetime) -> str:
    """Return in how long a moment is."""
    if moment is None:
        return ""
    seconds = (moment - now).total_seconds()
    return f"in {span(seconds)}" if seconds > 0 else f"due {span(-seconds)} ago" if seconds <= -1 else "now"


def stamp(moment: datetime | None) -> str:
    """Return a moment to the second, with its zone."""
    return f"{moment:%Y-%m-%d %H:%M:%S} {moment.tzname()}" if moment else ""


def size(count: float) -> str:
    """Return a number of bytes: `980 kB`, `61 MB`, `1.4 GB`."""
    for unit in ("B", "kB", "MB"):
        if count < 1_000:
            return f"{count:.0f} {unit}"
        count /= 1_000
    return f"{count:.1f} GB"


def rate(per_second: float) -> str:
    """Return how often something happens: `1,234/s`, `5.2/s`, `3/min`, `2/h`."""
    if per_second >= 100:
        return f"{per_second:,.0f}/s"
    if per_second >= 1:
        return f"{per_second:.1f}/s"
    if per_second * 60 >= 1:
        return f"{per_second * 60:.0f}/min"
    return f"{per_second * 3_600:.0f}/h" if per_second else "0/s"


def many(count: int, what: str) -> str:
    """Return a number of things: `1 job`, `1,200 jobs`."""
    return f"{count:,} {noun(count, what)}"
