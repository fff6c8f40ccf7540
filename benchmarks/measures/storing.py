"""What a queued job takes of Redis's memory."""

from __future__ import annotations

from benchmarks.plan import Plan
from benchmarks.stand import Stand


def stored(stand: Stand, plan: Plan) -> dict[str, float]:
    """Bytes of one queued no-op job: `whole`, its `payload`, and what the store takes `beyond` that."""
    jobs = plan.stored_jobs
    stand.fill(jobs // 100)
    before = _used(stand)
    stand.ask("fill", "noop", jobs, jobs=jobs)
    whole = (_used(stand) - before) / jobs
    payload = float(stand.ask("payloads", jobs, module="aioqueue_storing")["bytes"]) / jobs
    return {"whole": whole, "payload": payload, "beyond": whole - payload}


def _used(stand: Stand) -> int:
    return int(stand.redis.client.info("memory")["used_memory"])
