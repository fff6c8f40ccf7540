"""The time zone of this machine, by the name that every machine knows it by."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

_CLOCK: Final = Path("/etc/localtime")
_NAME: Final = Path("/etc/timezone")
_NAMES_OF_UTC: Final = {"Etc/UTC", "Etc/UCT", "Etc/Universal", "Etc/Zulu", "UCT", "Universal", "Zulu"}


def local_zone_name() -> str:
    """Return what `$TZ` says, else what `/etc/localtime` is a link to or `/etc/timezone` says, else `UTC`.

    Raises LookupError if the local time is some other than UTC and has no name: an offset alone would be wrong in
    summer or in winter.
    """
    said = os.environ.get("TZ")
    if said is not None:
        return _known(said.removeprefix(":") or "UTC")
    if not _CLOCK.exists():
        return "UTC"
    target = str(_CLOCK.resolve())
    if "zoneinfo/" in target:
        return _known(target.partition("zoneinfo/")[2].removeprefix("posix/").removeprefix("right/"))
    if _NAME.is_file():
        return _known(_NAME.read_text().strip())
    raise LookupError("the local time zone has no name here: set TZ, for example TZ=Europe/Berlin")


def _known(name: str) -> str:
    from zoneinfo import ZoneInfo  # noqa: PLC0415 -- nothing else of a worker needs it

    try:
        return "UTC" if name in _NAMES_OF_UTC else ZoneInfo(name).key
    except (KeyError, ValueError, OSError):
        raise LookupError(
            f"the local time zone {name!r} is not in the time zone database: set TZ, for example TZ=Europe/Berlin"
        ) from None
