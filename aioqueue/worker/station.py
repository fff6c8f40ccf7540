"""What the incarnations of one worker on one queue have in common."""

from __future__ import annotations

from datetime import tzinfo

from msgspec import Struct

from aioqueue.worker.loopwatch import LoopWatch
from aioqueue.worker.mishaps import Mishaps
from aioqueue.worker.poll import Poll
from aioqueue.worker.tally import Tally


class Station(Struct, frozen=True):
    """A worker's place at one queue: `zone` is None for the queue's own, `periodic` whether it fires schedules.

    `mishaps` is None where nobody asked for them.
    """

    name: str
    started_at: float
    lease: float
    periodic: bool
    zone: tzinfo | None
    poll: Poll
    tally: Tally
    watch: LoopWatch
    mishaps: Mishaps | None = None
