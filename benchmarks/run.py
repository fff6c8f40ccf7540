"""The run: every peer in turn, in rounds, so that a slow minute of the machine does not fall on one peer alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from typing import Any

import click

from benchmarks import environments, machine
from benchmarks.catalogue import Measure
from benchmarks.failure import PeerFailed
from benchmarks.findings import Findings
from benchmarks.places import SCRATCH
from benchmarks.plan import CALLERS, THREADS, Plan
from benchmarks.roster import Peer
from benchmarks.stand import Stand
from benchmarks.stores import RedisStore, SqliteStore, Store, redis_server


def run(peers: Sequence[Peer], measures: Sequence[Measure], plan: Plan) -> dict[str, Any]:
    """These measures of these peers, as one JSON object."""
    began = datetime.now(UTC)
    findings = [_prepared(peer) for peer in peers if any(measure.is_for(peer) for measure in measures)]
    with redis_server() as redis:
        _measure([finding for finding in findings if not finding.failures], measures, redis, plan)
        server = redis.version
    return {
        "date": began.date().isoformat(),
        "minutes": round((datetime.now(UTC) - began).total_seconds() / 60, 1),
        "machine": machine.description(),
        "server": server,
        "callers": CALLERS,
        "threads": THREADS,
        **asdict(plan),
        "peers": {finding.peer.name: finding.as_json() for finding in findings},
    }


def _prepared(peer: Peer) -> Findings:
    """An empty page for a peer whose environment is ready, or one that says why it is not."""
    finding = Findings(peer)
    if not peer.environment:
        return finding
    click.echo(f"preparing {peer.name}")
    try:
        environments.prepare(peer.environment)
        finding.versions = environments.versions(peer)
    except PeerFailed as failure:
        finding.fail("install", str(failure))
    return finding


def _measure(findings: Sequence[Findings], measures: Sequence[Measure], redis: RedisStore, plan: Plan) -> None:
    sqlite = SqliteStore(SCRATCH / "sqlite")
    stores: dict[str, Store] = {"redis": redis, "sqlite": sqlite}
    stands = [(finding, Stand(finding.peer, stores[finding.peer.store])) for finding in findings]
    for number in range(plan.rounds):
        click.echo(f"round {number + 1} of {plan.rounds}")
        for finding, stand in stands:
            _turn(finding, stand, [measure for measure in measures if not measure.once], plan)
    click.echo("once")
    for finding, stand in stands:
        _turn(finding, stand, [measure for measure in measures if measure.once], plan)


def _turn(finding: Findings, stand: Stand, measures: Sequence[Measure], plan: Plan) -> None:
    """One peer's turn."""
    asked = [measure for measure in measures if measure.is_for(finding.peer)]
    if asked:
        finding.take("others", machine.load)
    for measure in asked:
        finding.take(measure.name, partial(measure.take, stand, plan))
