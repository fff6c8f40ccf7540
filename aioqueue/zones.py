"""Which time zone a schedule is read in."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo

# Any instant at which no zone is on its first, local mean time.
_PROBE = datetime(2000, 7, 1, tzinfo=UTC)


def zone_of(tz: tzinfo | str | None) -> tzinfo | None:
    """Return the zone that `tz` names or is, None for None.

    Raises ValueError for a name that is not in the time zone database, and for a zone that misreads wall times.
    """
    if tz is None:
        return None
    if isinstance(tz, str):
        return _zone_named(tz)
    if not isinstance(tz, tzinfo):
        raise TypeError(f"tz={tz!r}: the name of a time zone or a tzinfo is needed, not {type(tz).__name__}")
    _refuse_misreading(tz)
    return tz


def _zone_named(name: str) -> tzinfo:
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError  # noqa: PLC0415 -- most workers name no zone

    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(
            f"tz={name!r} is not in the time zone database; a name looks like 'Europe/Berlin' "
            "(a system without the database needs the package tzdata)"
        ) from None


def _refuse_misreading(tz: tzinfo) -> None:
    """Refuse zones of the kind of pytz: a datetime made with one has the offset of some other year."""
    if _PROBE.astimezone(tz).replace(tzinfo=tz) != _PROBE:
        raise ValueError(f"tz={tz!r} cannot be put into a datetime as it is; use zoneinfo.ZoneInfo")
