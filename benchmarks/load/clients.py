"""Clients of the service: each uploads a file, waits for its report, checks it, and begins again."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from time import perf_counter

import aiohttp

REQUEST_TIMEOUT = 30.0
IMPATIENT_EVERY = 10  # one request in so many asks not to be kept waiting, and comes back to the link it is given
BOUNDARY = "a-file-follows"
HEADERS = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}


@dataclass
class Answers:
    """What the clients were answered: seconds each took, how many came by 202 and a link, and what went wrong."""

    seconds: list[float] = field(default_factory=list)
    by_link: int = 0
    errors: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class Order:
    """One client's file, and what must stand in its report: no two clients' are alike."""

    title: str
    rows: int
    body: bytes

    def refusal_of(self, status: int, report: object) -> str:
        """Return what is wrong with an answer, empty for nothing."""
        if status != 200 or not isinstance(report, dict):
            return f"HTTP {status}: {str(report)[:200]}"
        if (report["title"], report["rows"]) != (self.title, self.rows):
            return f"another's report: {report['title']}, {report['rows']} rows, for {self.title}, {self.rows} rows"
        return ""


def order(number: int) -> Order:
    """Return the file of a client: some 20 to 70 short rows."""
    title, rows = f"client-{number}.csv", 20 + number % 50
    lines = ["city,amount", *(f"city {row % 7},{row * number / 4}" for row in range(rows))]
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="{title}"\r\n\r\n'
    body = head + "\n".join(lines) + f"\r\n--{BOUNDARY}--\r\n"
    return Order(title, rows, body.encode())


async def press(address: str, clients: int, seconds: float) -> Answers:
    """Have so many clients ask for so long; returns when the last has its answer."""
    answers = Answers()
    until = perf_counter() + seconds
    connector = aiohttp.TCPConnector(limit=clients)
    timeout = aiohttp.ClientTimeout(total=REQUEST_TIMEOUT)
    async with aiohttp.ClientSession(address, connector=connector, timeout=timeout) as session:
        await asyncio.gather(*(_client(session, number, until, answers) for number in range(clients)))
    return answers


async def _client(session: aiohttp.ClientSession, number: int, until: float, answers: Answers) -> None:
    mine, asked = order(number), number
    while perf_counter() < until:
        asked += 1
        began = perf_counter()
        try:
            wrong = await _report(session, mine, answers, impatient=asked % IMPATIENT_EVERY == 0)
        except (aiohttp.ClientError, TimeoutError) as error:
            wrong = f"{type(error).__name__}: {error}"
        if wrong:
            answers.errors[wrong] += 1
        else:
            answers.seconds.append(perf_counter() - began)


async def _report(session: aiohttp.ClientSession, mine: Order, answers: Answers, *, impatient: bool) -> str:
    path = "/api/reports?patience=0" if impatient else "/api/reports"
    async with session.post(path, data=mine.body, headers=HEADERS) as answer:
        status, report = answer.status, await answer.json()
    if status == 202:
        answers.by_link += 1
    while status == 202:
        async with session.get(answer.headers["Location"]) as answer:
            status, report = answer.status, await answer.json()
    return mine.refusal_of(status, report)
