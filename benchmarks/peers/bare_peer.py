"""The limit: aioqueue's Redis scripts driven by hand, leases and results on, with nothing of its worker around them."""

from __future__ import annotations

import time
from itertools import count

import tally
from bare_scripts import INCARNATION, PREFIX, Wire, command, outcomes, packed, raw, record, rows
from caller import WARM_UP_CALLS, latencies_of, run

BATCH = 100
BULK = 1_000
LISTENER = "by-hand"
LEASE_SECONDS = 3_600
WATCH_SECONDS = 90
PAYLOAD = b"\x83\xa1v\x01\xa1t\xa4noop\xa1a\xc4\t\x81\xa6number\x05"


class BareCaller:
    """Callers by hand: `callers` jobs go into one call of the script, as if they had met in one turn of a loop."""

    def enqueueing(self, jobs: int, callers: int) -> dict[str, object]:
        """How long one connection takes to enqueue `jobs`, so many a call."""
        return run(self._enqueueing(jobs, callers))

    def bulk(self, jobs: int, times: int) -> dict[str, object]:
        """How long `jobs` at a time take, a thousand a call."""
        return run(self._enqueueing(jobs * times, BULK))

    def fill(self, kind: str, jobs: int) -> dict[str, object]:
        """Store jobs; `payload-N` is a kind with N more bytes of payload."""
        size = int(kind.removeprefix("payload-")) if kind != "noop" else 0
        return run(self._enqueueing(jobs, min(BULK, 1 + 1_000_000 // (size + 1)), PAYLOAD + b"x" * size))

    def round_trips(self, calls: int, seconds: float) -> dict[str, object]:
        """How long each of up to `calls` jobs takes from its enqueueing to the push that tells of its end."""
        return run(self._round_trips(calls, seconds))

    async def _enqueueing(self, jobs: int, at_once: int, payload: bytes = PAYLOAD) -> dict[str, object]:
        wire, stored = Wire(), record(payload)
        await wire.open()
        await wire.call(command("enqueue", rows(1, stored)[1]))
        started = time.perf_counter()
        for first in range(0, jobs, at_once):
            await wire.call(command("enqueue", rows(min(at_once, jobs - first), stored)[1]))
        seconds = time.perf_counter() - started
        await wire.close()
        return {"jobs": jobs, "callers": at_once, "seconds": seconds}

    async def _round_trips(self, calls: int, seconds: float) -> dict[str, object]:
        wire, ear, stored = Wire(), Wire(), record(PAYLOAD)
        await wire.open()
        await ear.open()
        await ear.call(raw("SUBSCRIBE", f"{PREFIX}push:{LISTENER}"))
        latencies: list[float] = []
        deadline = time.perf_counter() + seconds
        for number in range(WARM_UP_CALLS + calls):
            started = time.perf_counter()
            ids, new = rows(1, stored)
            (known,) = await wire.call(command("enqueue", new), command("watch", LISTENER, WATCH_SECONDS, packed(ids)))
            if not known:
                _, _, push = await ear.read()
                assert ids[0].encode() in push
            if number >= WARM_UP_CALLS:
                latencies.append(time.perf_counter() - started)
            if time.perf_counter() > deadline:
                break
        await wire.close()
        await ear.close()
        return latencies_of(latencies)


def work() -> None:
    """Claim and settle, a hundred at a time, for ever; asleep in BLPOP when there is nothing, as aioqueue is."""
    run(_work())


async def _work() -> dict[str, object]:
    wire = Wire()
    await wire.open()
    await wire.call(command("register", INCARNATION, LEASE_SECONDS, b""))
    more = True
    for batch in count(1):
        sleep = () if more else (raw("BLPOP", f"{PREFIX}wake", "10"),)
        _, _, more, _, ids, tokens, *_ = await wire.call(*sleep, command("claim", INCARNATION, batch, BATCH, 1))
        if ids:
            for _ in ids:
                tally.count()
            await wire.call(command("settle", INCARNATION, *outcomes(ids, tokens)))
    return {}


caller = BareCaller()
