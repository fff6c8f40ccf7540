"""Drivers that other distributions bring: entry points of the group `aioqueue.drivers`, each named as its URL scheme.

An entry point is a callable that is given the whole URL and the queue's name, and returns an unopened driver. It is
loaded when a queue asks for its scheme, and not before.
"""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points
from typing import Final

from aioqueue.drivers.base import Driver
from aioqueue.errors import ConfigurationError

GROUP: Final = "aioqueue.drivers"
_OPERATIONS: Final = tuple(name for name in vars(Driver) if not name.startswith("_"))


def installed_schemes() -> list[str]:
    """Return the URL schemes that installed distributions have drivers for."""
    return sorted({entry.name for entry in entry_points(group=GROUP)})


def installed_driver(scheme: str, url: str, queue: str) -> Driver | None:
    """Return an unopened driver of the distribution that has one for `scheme`, None if there is none.

    Raises `ConfigurationError` for one that cannot be imported, fails, or is no driver, and where two claim the scheme.
    What it raises as a `ConfigurationError` itself is passed on: it is about the URL.
    """
    entries = tuple(entry_points(group=GROUP, name=scheme))
    if not entries:
        return None
    if len({entry.value for entry in entries}) > 1:
        claimants = " and ".join(sorted(_named(entry) for entry in entries))
        raise ConfigurationError(f"two drivers are installed for {scheme}:// URLs: {claimants}; uninstall one")
    return _made(entries[0], url, queue)


def _made(entry: EntryPoint, url: str, queue: str) -> Driver:
    try:
        driver: Driver = entry.load()(url, queue)
    except ConfigurationError:
        raise
    except Exception as error:
        why = " ".join(f"{type(error).__name__}: {error}".split()).rstrip(":")
        raise _broken(entry, why) from error
    # An instance's attributes count too: one that wraps another may answer in its stead.
    missing = [name for name in _OPERATIONS if not hasattr(driver, name)]
    if missing:
        raise _broken(entry, f"it made {type(driver).__name__}, which has no {', '.join(missing[:3])}")
    return driver


def _broken(entry: EntryPoint, why: str) -> ConfigurationError:
    return ConfigurationError(f"the driver for {entry.name}:// URLs, {_named(entry)}, does not work: {why}")


def _named(entry: EntryPoint) -> str:
    distribution = f" of {entry.dist.name}" if entry.dist is not None else ""
    return f"{entry.value}{distribution}"
