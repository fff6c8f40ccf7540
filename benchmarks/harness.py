"""The command line of the benchmark: who, how much, and where the table goes."""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path
from typing import Any

import click

from benchmarks import plan, report
from benchmarks.places import HERE, SCRATCH
from benchmarks.roster import PEERS, chosen
from benchmarks.run import run


@click.command()
@click.option("--peers", default="", help="Only these, separated by commas.", metavar="A,B")
@click.option("--jobs", default=5_000, show_default=True, help="Jobs a measure; fast peers take a multiple of it.")
@click.option("--rounds", default=3, show_default=True, help="How often each measure is taken; the median is quoted.")
@click.option("--depth", default=1_000_000, show_default=True, help="Jobs in the deep queue; 0 leaves it out.")
@click.option("--quick", is_flag=True, help="One small round, to see that everything works; its figures mean little.")
@click.option("--output", type=click.Path(path_type=Path), help="Where RESULTS.md and results.json go.")
def main(peers: str, jobs: int, rounds: int, depth: int, quick: bool, output: Path | None) -> None:
    """Measure aioqueue against its peers, and write the table.

    A full run replaces the committed table; a quick or partial one is written to .benchmarks/ unless --output says
    otherwise.
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started is stopped on the way out
    try:
        taking_part = chosen(tuple(name for name in peers.split(",") if name))
    except LookupError as error:
        raise click.BadParameter(str(error), param_hint="--peers") from None
    amount = plan.quick() if quick else plan.full(jobs, rounds, depth)
    _write(run(taking_part, amount), output or (SCRATCH if quick or taking_part != PEERS else HERE))


def _write(results: dict[str, Any], place: Path) -> None:
    place.mkdir(parents=True, exist_ok=True)
    (place / "results.json").write_text(json.dumps(results, indent=2) + "\n")
    (place / "RESULTS.md").write_text(report.render(results))
    click.echo(f"written: {click.format_filename(place / 'RESULTS.md')}, and results.json beside it")
