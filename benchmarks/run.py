"""The run: every peer in turn, in rounds, so that a slow minute of the machine does not fall on one peer alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from typing import Any

import click

from benchmarks import environments, machine, measures
from benchmarks.failure import PeerFailed
from benchmarks.findings import Findings
from benchmarks.places import SCRATCH
from benchmarks.plan import CALLERS, Plan
from benchmarks.roster import OURS, Peer
from benchmarks.startup import startup
from benchmarks.stores import RedisStore, SqliteStore, Store, redis_server


def run(peers: Sequence[Peer], plan: Plan) -> dict[str, Any]:
    """Every measure of every peer, as one JSON object."""
    began = datetime.now(UTC)
    findings = [_prepared(peer) for peer in peers]
    with redis_server() as redis:
        _measure([finding for finding in findings if not finding.failures], redis, plan)
        server = redis.version
    return {
        "date": began.date().isoformat(),
        "minutes": round((datetime.now(UTC) - began).total_seconds() / 60, 1),
        "machine": machine.description(),
        "server": server,
        "callers": CALLERS,
        **asdict(plan),
        "peers": {finding.peer.name: finding.as_json() for finding in findings},
    }


def _prepared(peer: Peer) -> Findings:
    """An empty page for a peer whose environment is ready, or one that says why it is not."""
    click.echo(f"preparing {peer.name}")
    finding = Findings(peer)
    try:
        environments.prepare(peer.environment)
        finding.versions = environments.versions(peer)
    except PeerFailed as failure:
        finding.fail("install", str(failure))
    return finding


def _measure(findings: Sequence[Findings], redis: RedisStore, plan: Plan) -> None:
    sqlite = SqliteStore(SCRATCH / "sqlite")
    for number in range(plan.rounds):
        click.echo(f"round {number + 1} of {plan.rounds}")
        for finding in findings:
            _turn(finding, redis if finding.peer.store == "redis" else sqlite, plan)
    for finding in findings:
        if finding.peer.name == OURS:
            _ours_alone(finding, redis, plan)


def _turn(finding: Findings, store: Store, plan: Plan) -> None:
    """One peer's turn in one round."""
    peer, many = finding.peer, plan.jobs * finding.peer.drain_factor
    finding.take("others", machine.load)
    finding.take("enqueue_one", lambda: measures.enqueue(peer, store, plan.jobs, 1))
    finding.take("enqueue_many", lambda: measures.enqueue(peer, store, many, CALLERS))
    if "enqueue_many" not in finding.failures:
        finding.take("drain", lambda: measures.drain(peer, store, many))
    finding.take("round_trip", lambda: measures.round_trip(peer, store, plan.calls, plan.call_seconds))


def _ours_alone(finding: Findings, redis: RedisStore, plan: Plan) -> None:
    """What is asked of aioqueue only: its start-up, its idleness, and what a deep queue does to its worker."""
    peer = finding.peer
    click.echo("aioqueue alone")
    finding.take("lateness", lambda: measures.lateness(peer, redis, plan.late_jobs))
    finding.take("startup", lambda: startup(peer, plan.starts))
    finding.take("idle", lambda: measures.idleness(peer, redis, plan.idle_seconds))
    if plan.depths:
        scheduled = plan.depths[-1]
        finding.take("idle_scheduled", lambda: measures.idleness(peer, redis, plan.idle_seconds, scheduled))
    for jobs in plan.depths:
        finding.take(f"depth_{jobs}", partial(measures.depth, peer, redis, jobs))
