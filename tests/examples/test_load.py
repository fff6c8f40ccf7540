"""The load figure's trial in its short form: many clients at once, and nothing is left of them."""

from __future__ import annotations

import asyncio
from pathlib import Path

from benchmarks.load.service import serving
from benchmarks.load.trial import Pressure, try_out
from tests.servers import redis_server

PRESSURE = Pressure(clients=200, seconds=3, burst=2, bursts_alike=1)
MOST_CONNECTIONS = 32  # of two processes, each with up to eight for calls, and a few that wait


def test_many_clients_await_reports(tmp_path: Path) -> None:
    # A server of its own: every connection is counted.
    with redis_server() as store, serving("aioqueue_service", store.url, tmp_path) as address:
        trial = asyncio.run(try_out(address, store.url, PRESSURE))
    assert trial.complaints() == []
    assert trial.connections[1] <= MOST_CONNECTIONS
    assert trial.answers > PRESSURE.clients
    assert trial.by_link > 0
