"""One trial: clients press on the service for a while, and what they saw and what they left behind is told."""

from __future__ import annotations

import asyncio
from dataclasses import asdict, dataclass
from math import ceil

import aiohttp

from benchmarks.load.clients import Answers, press
from benchmarks.load.watching import Seen, connections, registrations, watching

SETTLES_WITHIN = 5.0
MOST_BURSTS = 20


@dataclass(frozen=True)
class Trial:
    """The figures: seconds for latencies; `connections` are to Redis, lowest and highest, after the warm-up.

    `bursts` is how many the warm-up took.
    `opened` are the connections that were made meanwhile, `lost` those that were in use and then not there any more.
    `registrations_seen` is the most jobs that were waited for at one look (none, where jobs end before anybody comes
    to wait for them), `registrations_left` those afterwards;
    `waits_left` and `tasks_left` are what the web process itself still waits for, and the asyncio tasks that it has
    more than before. All of this but the tasks only aioqueue can tell.
    """

    clients: int
    seconds: float
    bursts: int
    answers: int
    by_link: int
    rate: float
    p50: float
    p99: float
    slowest: float
    errors: dict[str, int]
    connections: tuple[int, int]
    opened: int
    lost: int
    registrations_seen: int
    registrations_left: int
    waits_left: int
    tasks_left: int

    def as_json(self) -> dict[str, object]:
        """Return it as a JSON object."""
        return asdict(self)

    @property
    def is_constant(self) -> bool:
        """Whether there were as many connections all the time, and the same ones."""
        return self.connections[0] == self.connections[1] and not self.opened

    def complaints(self) -> list[str]:
        """Return what must not be: an error, a connection that is lost, a waiter that is left."""
        wrong = [f"{count} x {error}" for error, count in self.errors.items()]
        if not self.answers:
            wrong.append("nobody was answered")
        if self.lost:
            wrong.append(f"{self.lost} connections to Redis were lost")
        left = {"registrations": self.registrations_left, "waits": self.waits_left, "asyncio tasks": self.tasks_left}
        return wrong + [f"{count} {what} are left when all clients have gone" for what, count in left.items() if count]


@dataclass(frozen=True)
class Pressure:
    """So many clients for so many seconds.

    Before, they press in bursts of `burst` seconds, until so many have ended alike, with as many connections to Redis,
    or MOST_BURSTS are over: a pool grows to what was ever needed at once.
    """

    clients: int
    seconds: float
    burst: float
    bursts_alike: int


async def try_out(address: str, url: str, pressure: Pressure) -> Trial:
    """Press on the service at `address`, whose store is at `url`, and tell what came of it."""
    bursts = await _warm_up(address, url, pressure)
    before = await _inside(address)
    async with watching(url) as seen:
        answers = await press(address, pressure.clients, pressure.seconds)
    left = await _settled(address, url, before)
    return _trial(pressure, bursts, answers, seen, left)


async def _warm_up(address: str, url: str, pressure: Pressure) -> int:
    counts: list[int] = []
    alike = pressure.bursts_alike
    while len(counts) < alike or (len(set(counts[-alike:])) > 1 and len(counts) < MOST_BURSTS):
        await press(address, pressure.clients, pressure.burst)
        counts.append(await connections(url))
    return len(counts)


def _trial(pressure: Pressure, bursts: int, answers: Answers, seen: Seen, left: dict[str, int]) -> Trial:
    ranked = sorted(answers.seconds) or [0.0]
    return Trial(
        clients=pressure.clients,
        seconds=pressure.seconds,
        bursts=bursts,
        answers=len(answers.seconds),
        by_link=answers.by_link,
        rate=round(len(answers.seconds) / pressure.seconds, 1),
        p50=_share(ranked, 0.5),
        p99=_share(ranked, 0.99),
        slowest=round(ranked[-1], 4),
        errors=dict(answers.errors),
        connections=(min(seen.connections), max(seen.connections)),
        opened=seen.opened,
        lost=len(seen.lost),
        registrations_seen=max(seen.registrations),
        registrations_left=left["registrations"],
        waits_left=left["waits"],
        tasks_left=left["tasks"],
    )


def _share(ranked: list[float], share: float) -> float:
    return round(ranked[ceil(share * len(ranked)) - 1], 4)


async def _settled(address: str, url: str, before: dict[str, int]) -> dict[str, int]:
    """Return what is left, as soon as that is nothing, or after a while."""
    deadline = asyncio.get_running_loop().time() + SETTLES_WITHIN
    while True:
        now = await _inside(address)
        tasks = max(now["tasks"] - before["tasks"], 0)
        left = {"registrations": await registrations(url), "waits": now["waits"], "tasks": tasks}
        if not any(left.values()) or asyncio.get_running_loop().time() > deadline:
            return left
        await asyncio.sleep(0.05)


async def _inside(address: str) -> dict[str, int]:
    """Ask the web process itself, on a connection of its own."""
    async with aiohttp.ClientSession(address) as session, session.get("/inside") as answer:
        told: dict[str, int] = await answer.json()
        return told
