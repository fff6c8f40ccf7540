"""What workers on one queue must agree about: the time zone of schedules that name none."""

from __future__ import annotations

from collections.abc import Sequence

from aioqueue.drivers.base import Lease
from aioqueue.errors import ConfigurationError
from aioqueue.presence import announced


def refuse_other_zone(zone: str, leases: Sequence[Lease], now: float) -> None:
    """Raise `ConfigurationError` if a live worker fires schedules in another zone; an empty one fires none.

    One that is stopping fires none either. Both would fire "daily at three", at different hours.
    """
    for lease in leases:
        said = announced(lease)
        if said is None or said.stopping or not said.zone or not zone or now - lease.renewed_at >= lease.seconds:
            continue
        if said.zone != zone:
            raise ConfigurationError(
                f"this worker reads schedules that name no time zone in {zone}, but the worker {said.host}:{said.pid} "
                f"of the same queue reads them in {said.zone}: start both alike, or this one with --no-periodic"
            )
