"""The run: every contestant plays every row, some contestants beside each other, since most of it is waiting."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import click

from benchmarks import environments, machine
from benchmarks.failure import PeerFailed
from benchmarks.faults.contestants import TIMEOUT, Contestant
from benchmarks.faults.places import SCRATCH
from benchmarks.faults.rows import Row
from benchmarks.faults.server import server
from benchmarks.faults.stage import stage
from benchmarks.roster import Peer


def run(contestants: Sequence[Contestant], rows: Sequence[Row], seed: int, at_once: int) -> dict[str, Any]:
    """Everything, as one JSON object."""
    began = datetime.now(UTC)
    with server(SCRATCH / "redis-version") as redis:
        version = redis.version
    installed = {contestant.name: _installed(contestant) for contestant in contestants}
    with ThreadPoolExecutor(at_once) as pool:
        played = list(pool.map(lambda contestant: _play_all(contestant, rows, seed), contestants))
    return {
        "date": began.date().isoformat(),
        "minutes": round((datetime.now(UTC) - began).total_seconds() / 60, 1),
        "machine": machine.description(),
        "server": f"{version}, appendfsync always",
        "seed": seed,
        "timeout": TIMEOUT,
        "at_once": at_once,
        "rows": {row.name: {"number": row.number, "what": row.what} for row in rows},
        "contestants": {
            contestant.name: {
                "setting": contestant.setting,
                "patience": contestant.patience,
                "note": contestant.note,
                "versions": installed[contestant.name],
                "verdicts": verdicts,
            }
            for contestant, verdicts in zip(contestants, played, strict=True)
        },
    }


def _installed(contestant: Contestant) -> dict[str, str]:
    click.echo(f"preparing {contestant.name}")
    environments.prepare(contestant.environment)
    return environments.versions(_as_peer(contestant))


def _as_peer(contestant: Contestant) -> Peer:
    return Peer(
        name=contestant.name,
        module=contestant.module,
        environment=contestant.environment,
        store="redis",
        distributions=contestant.distributions,
        setting=contestant.setting,
    )


def _play_all(contestant: Contestant, rows: Sequence[Row], seed: int) -> dict[str, Any]:
    verdicts = {}
    for row in rows:
        verdicts[row.name] = _play(contestant, row, seed)
        click.echo(f"{contestant.name}, {row.name}: {verdicts[row.name]}")
    return verdicts


def _play(contestant: Contestant, row: Row, seed: int) -> dict[str, Any]:
    name = f"{contestant.name}-{row.name}"
    with server(SCRATCH / f"redis-{name}") as redis:
        try:
            with stage(contestant, redis, SCRATCH / f"receipts-{name}", seed, name) as one:
                return asdict(row.play(one))
        except (PeerFailed, LookupError) as failure:
            return {"failure": str(failure)}
