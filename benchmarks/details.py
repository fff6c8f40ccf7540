"""What is asked of aioqueue alone, in sentences: the parts of RESULTS.md that are no table."""

from __future__ import annotations

from collections.abc import Mapping

from benchmarks.figures import Results
from benchmarks.plan import AWAITED
from benchmarks.roster import OURS, OURS_ON_SQLITE, SERVER

MEGABYTE = 1_000_000
STARTS = ("python", "import", "queue", "libraries", "ready", "python_whole", "help", "check")


def sentences(results: Results) -> list[str]:
    """One for each measure that was taken."""
    parts = (_startup, _lateness, _naps, _processes, _concurrency, _payloads, _awaited, _stored, _depths, _schedule)
    middle = medians(results, OURS)
    found = [sentence for part in parts for sentence in part(results, middle)]
    return [*found, *_idleness(results), *_ping(results)]


def medians(results: Results, peer: str) -> Mapping[str, float]:
    """The medians of one peer; none if it did not take part."""
    found: Mapping[str, float] = results["peers"].get(peer, {}).get("median", {})
    return found


def _startup(results: Results, middle: Mapping[str, float]) -> list[str]:
    if "startup_help" not in middle:
        return []
    took = {name: f"{middle[f'startup_{name}'] * 1_000:.1f} ms" for name in STARTS}
    sentence = (
        f"Start-up, the median of {results['starts']}, above Python's own {took['python']} to its first line: "
        f"`import aioqueue` {took['import']}, `from aioqueue import Queue` {took['queue']}, "
        f"`import redis.asyncio, uvloop, msgspec` {took['libraries']}, a worker that begins to claim {took['ready']}. "
        f"Above Python's own {took['python_whole']} to its end: `aioqueue --help` {took['help']}, a probe by "
        f"`aioqueue check --pidfile` {took['check']}."
    )
    return [sentence]


def _lateness(results: Results, middle: Mapping[str, float]) -> list[str]:
    if "lateness_p50" not in middle:
        return []
    median, late = (middle[f"lateness_{part}"] * 1_000 for part in ("p50", "p99"))
    return [f"Lateness of {results['late_jobs']} scheduled jobs: p50 {median:.2f} ms, p99 {late:.2f} ms."]


def _naps(results: Results, middle: Mapping[str, float]) -> list[str]:
    if "naps_rate" not in middle:
        return []
    return [f"{results['naps']:,} jobs of `sleep(1)`, a thousand at once: {middle['naps_rate']:,.0f} jobs/s."]


def _processes(results: Results, middle: Mapping[str, float]) -> list[str]:
    said = _listed(middle, "processes_{}", results["processes"])
    return [f"Jobs of 1 ms of Python, in so many worker processes: {said}."] if said else []


def _concurrency(results: Results, middle: Mapping[str, float]) -> list[str]:
    said = _listed(middle, "concurrency_{}", results["concurrencies"])
    return [f"Drain with so many jobs at once: {said}."] if said else []


def _payloads(results: Results, middle: Mapping[str, float]) -> list[str]:
    said = _listed(middle, "payload_{}", [size for size, _ in results["payloads"]])
    return [f"Drain with so many bytes of payload: {said}."] if said else []


def _listed(middle: Mapping[str, float], measure: str, steps: list[int]) -> str:
    known = [(step, middle[measure.format(step)]) for step in steps if measure.format(step) in middle]
    return ", ".join(f"{step:,}: {rate:,.0f}/s" for step, rate in known)


def _awaited(_: Results, middle: Mapping[str, float]) -> list[str]:
    if "awaited_rate" not in middle:
        return []
    before, first, last = (f"{middle[f'awaited_{part}'] / MEGABYTE:,.1f} MB" for part in ("before", "first", "last"))
    sentence = (
        f"{AWAITED:,} results awaited at once: {middle['awaited_rate']:,.0f} arrive a second. The caller's memory: "
        f"{before} before, {first} after the first time, {last} after the last."
    )
    return [sentence]


def _stored(_: Results, middle: Mapping[str, float]) -> list[str]:
    if "stored_whole" not in middle:
        return []
    whole, payload = middle["stored_whole"], middle["stored_payload"]
    return [f"A queued no-op job takes {whole:.0f} bytes of Redis, {payload:.0f} of them payload."]


def _depths(results: Results, middle: Mapping[str, float]) -> list[str]:
    return [
        f"With {depth:,} jobs queued: drained at {middle[f'depth_{depth}_drain']:,.0f}/s; the worker's memory was "
        f"{middle[f'depth_{depth}_memory'] / MEGABYTE:,.1f} MB at its highest."
        for depth in results["depths"]
        if f"depth_{depth}_drain" in middle
    ]


def _schedule(results: Results, middle: Mapping[str, float]) -> list[str]:
    if "schedule_promote" not in middle:
        return []
    said = _listed(middle, "schedule_enqueue_{}", results["schedules"])
    sentence = (
        f"Enqueueing into a schedule of so many jobs: {said}. When all of them are due at once: promoted at "
        f"{middle['schedule_promote']:,.0f}/s, then drained at {middle['schedule_drain']:,.0f}/s; the loop stood still "
        f"for {middle['schedule_pause'] * 1_000:.1f} ms at most."
    )
    return [sentence]


def _idleness(results: Results) -> list[str]:
    ours, seconds = medians(results, OURS), results["idle_seconds"]
    said = []
    if "idle_sent" in ours:
        said.append(f"An idle worker, over {seconds:.0f} s: {_asked(ours, 'idle')}")
    if "idle_scheduled_sent" in ours:
        deepest = results["schedules"][-1]
        said.append(f"The same with {deepest:,} jobs scheduled, none due: {_asked(ours, 'idle_scheduled')}")
    on_sqlite = medians(results, OURS_ON_SQLITE)
    if "idle_processor" in on_sqlite:
        said.append(f"An idle worker on SQLite, over {seconds:.0f} s: {_taken(on_sqlite, 'idle')}")
    return said


def _asked(middle: Mapping[str, float], measure: str) -> str:
    sent, executed = middle[f"{measure}_sent"], middle[f"{measure}_executed"]
    commands = (
        f"{sent:.2f} commands a second sent to Redis ({executed:.2f} executed there, those inside scripts included)"
    )
    return f"{commands}, {_taken(middle, measure)}"


def _taken(middle: Mapping[str, float], measure: str) -> str:
    return f"{middle[f'{measure}_processor']:.2%} of one core and {middle[f'{measure}_memory'] / MEGABYTE:,.1f} MB."


def _ping(results: Results) -> list[str]:
    middle = medians(results, SERVER)
    if "ping_one" not in middle:
        return []
    one, pipelined = middle["ping_one"], middle["ping_pipelined"]
    return [f"`redis-benchmark` with PING on one connection: {one:,.0f}/s, a hundred in one write {pipelined:,.0f}/s."]
