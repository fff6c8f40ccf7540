"""What a worker says of itself: made on its event loop, carried by its lease."""

from __future__ import annotations

import asyncio
import os
import resource
import socket
import sys
from heapq import nsmallest
from pathlib import Path
from typing import Final

from msgspec import structs

from aioqueue.presence import Announcement, RunningJob, encode_announcement, this_machine
from aioqueue.version import __version__
from aioqueue.worker.holdings import Holding, Holdings
from aioqueue.worker.station import Station

MOST_JOBS_TOLD: Final = 100


class Announcer:
    """Makes the announcements of one incarnation: what is fixed once, what changes each time."""

    def __init__(self, station: Station, zone: str, concurrency: int, holdings: Holdings) -> None:
        self.stopping = False
        self.zone = zone
        self._station = station
        self._holdings = holdings
        self._fixed = Announcement(
            station.name,
            socket.gethostname(),
            os.getpid(),
            __version__,
            station.started_at,
            concurrency,
            zone,
            machine=this_machine(),
        )

    def announce(self) -> bytes:
        """Return what there is to say now."""
        running = [holding for holding in self._holdings if holding.body is not None and not holding.body.done()]
        return encode_announcement(
            structs.replace(
                self._fixed,
                stopping=self.stopping,
                running=_longest(running),
                running_count=len(running),
                processed=self._station.tally.processed,
                failed=self._station.tally.failed,
                memory=resident_bytes(),
                loop_lag=self._station.watch.lag,
                loop_blocks=self._station.watch.blocks,
            )
        )


def _longest(running: list[Holding]) -> list[RunningJob]:
    now = asyncio.get_running_loop().time()
    first = nsmallest(MOST_JOBS_TOLD, running, key=lambda holding: holding.since)
    return [RunningJob(holding.claim.id, holding.claim.task, now - holding.since) for holding in first]


def resident_bytes() -> int:
    """Return the resident size of this process; where /proc does not tell, the largest it has had."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except (OSError, ValueError, IndexError):
        largest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return largest if sys.platform == "darwin" else largest * 1024
    return pages * resource.getpagesize()
