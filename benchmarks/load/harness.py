"""The command line."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import click

from benchmarks import environments, machine
from benchmarks.failure import PeerFailed
from benchmarks.load.contestants import OURS, Contestant, chosen
from benchmarks.load.report import folder_of, render
from benchmarks.load.service import serving
from benchmarks.load.trial import Pressure, Trial, try_out
from benchmarks.places import SCRATCH
from benchmarks.stores import RedisStore, redis_server


@click.command()
@click.option("--peers", default="", metavar="A,B", help="Only these.")
@click.option("--clients", default=200, show_default=True, help="How many ask at once.")
@click.option("--seconds", default=30.0, show_default=True, help="For how long.")
@click.option("--burst", default=5.0, show_default=True, help="Seconds of a burst before, which counts for nothing.")
@click.option("--bursts", default=6, show_default=True, help="Bursts alike in connections that end the warm-up.")
@click.option("--rounds", default=3, show_default=True, help="Trials of each; the median one is quoted.")
@click.option("--output", type=click.Path(path_type=Path), help="Where LOAD.md and load.json go.")
def main(peers: str, clients: int, seconds: float, burst: float, bursts: int, rounds: int, output: Path | None) -> None:
    """Press on the report service, on aioqueue and on its peers.

    A run of all of them, with 200 clients for 30 seconds and three rounds or more, replaces benchmarks/LOAD.md and
    load.json; any other writes to .benchmarks/load/. Ends with exit code 1 if a client of aioqueue met an error, its
    connections were not constant, or a waiter was left.
    """
    try:
        contestants = chosen(tuple(peers.split(",")) if peers else ())
    except LookupError as error:
        raise click.BadParameter(str(error), param_hint="--peers") from None
    results = run(contestants, Pressure(clients, seconds, burst, bursts), rounds)
    place = output or folder_of(results)
    place.mkdir(parents=True, exist_ok=True)
    (place / "load.json").write_text(json.dumps(results, indent=2) + "\n")
    (place / "LOAD.md").write_text(render(results))
    click.echo(f"written: LOAD.md and load.json in {click.format_filename(place)}")
    ours = results["services"].get(OURS.name, {"trials": []})
    if wrong := [line for trial in ours["trials"] for line in trial["complaints"]]:
        raise click.ClickException("aioqueue: " + "; ".join(wrong))


def run(contestants: Sequence[Contestant], press: Pressure, rounds: int) -> dict[str, Any]:
    """Press on each in turn, in rounds, so that a slow minute falls on all of them."""
    found: dict[str, Any] = {contestant.name: _prepared(contestant) for contestant in contestants}
    with redis_server() as store:
        for number in range(rounds):
            for contestant in contestants:
                click.echo(f"round {number + 1} of {rounds}: {contestant.name}")
                found[contestant.name]["trials"].append(_trial(contestant, store, press))
        server = store.version
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "machine": machine.description(),
        "server": server,
        "client": f"aiohttp {version('aiohttp')}",
        "clients": press.clients,
        "seconds": press.seconds,
        "burst": press.burst,
        "bursts_alike": press.bursts_alike,
        "rounds": rounds,
        "services": found,
    }


def _prepared(contestant: Contestant) -> dict[str, Any]:
    click.echo(f"preparing {contestant.name}")
    environments.prepare(contestant.environment)
    versions = environments.versions_of(contestant.environment, contestant.distributions)
    return {"setting": contestant.setting, "versions": versions, "trials": []}


def _trial(contestant: Contestant, store: RedisStore, press: Pressure) -> dict[str, Any]:
    """Return the figures of one trial, with the load of the machine before it; or why there are none."""
    store.empty()
    place = SCRATCH / "load" / contestant.name
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    others = machine.load()
    interpreter = str(environments.python(contestant.environment))
    try:
        with serving(contestant.module, store.url, place, interpreter) as address:
            trial = asyncio.run(try_out(address, store.url, press))
    except PeerFailed as failure:
        return {"failure": str(failure), "others": others, "complaints": [str(failure)]}
    return {**trial.as_json(), "others": others, "complaints": _complaints(trial)}


def _complaints(trial: Trial) -> list[str]:
    lowest, highest = trial.connections
    moved = f"connections to Redis: {lowest} to {highest}, {trial.opened} of them new; the count was to be constant"
    return [*trial.complaints(), *([] if trial.is_constant else [moved])]
