"""Many results awaited at once in one process."""

from __future__ import annotations

from benchmarks.plan import AWAITED, Plan
from benchmarks.stand import Stand


def awaited(stand: Stand, plan: Plan) -> dict[str, float]:
    """`rate` at which ten thousand results arrive; resident memory `before`, after the `first` time and the `last`.

    `growth` is that of what Python has allocated, the last time over before.
    """
    stand.store.empty()
    with stand.worker("awaited"):
        answer = stand.ask("awaiting", AWAITED, plan.awaited_times, module="aioqueue_awaiting", jobs=AWAITED)
    return {**answer, "growth": answer["blocks_last"] / answer["blocks_before"]}
