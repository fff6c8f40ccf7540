"""What has been measured of one peer."""

from __future__ import annotations

from collections.abc import Callable
from statistics import median
from typing import Any

import click

from benchmarks.failure import PeerFailed
from benchmarks.roster import Peer


class Findings:
    """The figures of one peer by measure, one for each round, and the reasons of the measures that failed."""

    def __init__(self, peer: Peer) -> None:
        self.peer = peer
        self.versions: dict[str, str] = {}
        self.figures: dict[str, list[float]] = {}
        self.failures: dict[str, str] = {}

    def take(self, measure: str, look: Callable[[], float | dict[str, float]]) -> None:
        """Take one measure, or note why it failed; what failed once is not tried again."""
        if measure in self.failures:
            return
        try:
            found = _named(measure, look())
        except PeerFailed as failure:
            self.fail(measure, str(failure))
            return
        for name, figure in found.items():
            self.figures.setdefault(name, []).append(float(f"{figure:.6g}"))
        click.echo(f"  {self.peer.name}: " + ", ".join(f"{name} {figure:,.4g}" for name, figure in found.items()))

    def fail(self, measure: str, reason: str) -> None:
        """Note why a measure cannot be taken."""
        self.failures[measure] = reason
        click.echo(f"  {self.peer.name}: {measure} failed: {reason}")

    def as_json(self) -> dict[str, Any]:
        """Everything, medians first."""
        return {
            "store": self.peer.store,
            "serial": self.peer.serial,
            "setting": self.peer.setting,
            "versions": self.versions,
            "median": {name: median(figures) for name, figures in self.figures.items()},
            "rounds": self.figures,
            "failures": self.failures,
        }


def _named(measure: str, found: float | dict[str, float]) -> dict[str, float]:
    """The figures of one measure under names of their own: `round_trip_p50`, or just `drain`."""
    if isinstance(found, dict):
        return {f"{measure}_{part}": figure for part, figure in found.items()}
    return {measure: found}
