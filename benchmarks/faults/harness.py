"""The command line."""

from __future__ import annotations

import json
import random
from pathlib import Path

import click

from benchmarks.faults.contestants import CONTESTANTS, chosen
from benchmarks.faults.places import SCRATCH
from benchmarks.faults.programme import run
from benchmarks.faults.report import render
from benchmarks.faults.rows import ROWS
from benchmarks.places import HERE


@click.command()
@click.option("--peers", default="", metavar="A,B", help="Only these.")
@click.option("--rows", default="", metavar="A,B", help="Only these faults.")
@click.option("--seed", type=int, help="Repeat a run's draws.")
@click.option("--at-once", default=3, show_default=True, help="Peers beside each other, each with its own server.")
@click.option("--output", type=click.Path(path_type=Path), help="Where FAULTS.md and faults.json go.")
def main(peers: str, rows: str, seed: int | None, at_once: int, output: Path | None) -> None:
    """Play the same faults on aioqueue and its peers.

    A whole run replaces benchmarks/FAULTS.md and faults.json; a partial one writes to .benchmarks/faults/.
    """
    try:
        contestants = chosen(tuple(peers.split(",")) if peers else ())
    except LookupError as error:
        raise click.BadParameter(str(error), param_hint="--peers") from None
    names = rows.split(",") if rows else [row.name for row in ROWS]
    played = [row for row in ROWS if row.name in names]
    if len(played) < len(names):
        raise click.BadParameter(f"there are {', '.join(row.name for row in ROWS)}", param_hint="--rows")
    SCRATCH.mkdir(parents=True, exist_ok=True)
    results = run(contestants, played, random.randrange(1_000_000) if seed is None else seed, at_once)
    is_whole = len(contestants) == len(CONTESTANTS) and len(played) == len(ROWS)
    place = output or (HERE if is_whole else SCRATCH)
    (place / "faults.json").write_text(json.dumps(results, indent=2) + "\n")
    (place / "FAULTS.md").write_text(render(results))
    click.echo(f"written: FAULTS.md and faults.json in {place}")
