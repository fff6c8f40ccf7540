"""The command line of the benchmark: who, how much, and where the table goes."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from benchmarks import catalogue, plan, report
from benchmarks.places import HERE, SCRATCH
from benchmarks.plots import draw
from benchmarks.roster import PEERS, chosen
from benchmarks.run import run

T = TypeVar("T")


@click.command()
@click.option("--peers", default="", help="Only these, separated by commas.", metavar="A,B")
@click.option("--only", default="", help="Only these measures, separated by commas.", metavar="A,B")
@click.option("--jobs", default=5_000, show_default=True, help="Jobs a measure; fast peers take a multiple of it.")
@click.option("--rounds", default=5, show_default=True, help="How often each measure is taken; the median is quoted.")
@click.option("--depth", default=1_000_000, show_default=True, help="Jobs in the deep queue; 0 leaves it out.")
@click.option("--quick", is_flag=True, help="One small round, to see that everything works; its figures mean little.")
@click.option("--output", type=click.Path(path_type=Path), help="Where RESULTS.md and results.json go.")
def main(peers: str, only: str, jobs: int, rounds: int, depth: int, quick: bool, output: Path | None) -> None:
    """Measure aioqueue against its peers, and write the table.

    A full run replaces the committed table; a quick or partial one is written to .benchmarks/ unless --output says
    otherwise.
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started is stopped on the way out
    taking_part = _chosen("--peers", chosen, peers)
    measures = _chosen("--only", catalogue.chosen, only)
    amount = plan.quick() if quick else plan.full(jobs, rounds, depth)
    is_partial = quick or taking_part != PEERS or measures != catalogue.MEASURES
    _write(run(taking_part, measures, amount), output or (SCRATCH if is_partial else HERE))


def _chosen(option: str, choose: Callable[[tuple[str, ...]], T], names: str) -> T:
    try:
        return choose(tuple(name for name in names.split(",") if name))
    except LookupError as error:
        raise click.BadParameter(str(error), param_hint=option) from None


def _write(results: dict[str, Any], place: Path) -> None:
    place.mkdir(parents=True, exist_ok=True)
    (place / "results.json").write_text(json.dumps(results, indent=2) + "\n")
    (place / "RESULTS.md").write_text(report.render(results, draw(results, place)))
    click.echo(f"written: {click.format_filename(place / 'RESULTS.md')}, and results.json beside it")
