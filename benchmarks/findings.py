"""What has been measured of one peer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from statistics import median
from typing import Any, TypeAlias

import click

from benchmarks.failure import PeerFailed
from benchmarks.roster import Peer

Found: TypeAlias = float | Mapping[str, float | Sequence[float]]


class Findings:
    """The figures of one peer by measure, one for each round, and the reasons of the measures that failed.

    `series` are what a plot is made of: for each round a whole row of figures.
    """

    def __init__(self, peer: Peer) -> None:
        self.peer = peer
        self.versions: dict[str, str] = {}
        self.figures: dict[str, list[float]] = {}
        self.series: dict[str, list[list[float]]] = {}
        self.failures: dict[str, str] = {}

    def take(self, measure: str, look: Callable[[], Found]) -> None:
        """Take one measure, or note why it failed; what failed once is not tried again."""
        if measure in self.failures:
            return
        try:
            found = _named(measure, look())
        except PeerFailed as failure:
            self.fail(measure, str(failure))
            return
        for name, figure in found.items():
            self._keep(name, figure)
        said = [f"{name} {figure:,.4g}" for name, figure in found.items() if isinstance(figure, int | float)]
        click.echo(f"  {self.peer.name}: {', '.join(said)}")

    def fail(self, measure: str, reason: str) -> None:
        """Note why a measure cannot be taken."""
        self.failures[measure] = reason
        click.echo(f"  {self.peer.name}: {measure} failed: {reason}")

    def as_json(self) -> dict[str, Any]:
        """Everything, medians first."""
        return {
            "store": self.peer.store,
            "role": self.peer.role,
            "serial": self.peer.serial,
            "setting": self.peer.setting,
            "versions": self.versions,
            "median": {name: median(figures) for name, figures in self.figures.items()},
            "rounds": self.figures,
            "series": self.series,
            "failures": self.failures,
        }

    def _keep(self, name: str, found: float | Sequence[float]) -> None:
        if isinstance(found, int | float):
            self.figures.setdefault(name, []).append(_rounded(found))
        else:
            self.series.setdefault(name, []).append([_rounded(figure) for figure in found])


def _named(measure: str, found: Found) -> dict[str, float | Sequence[float]]:
    """The figures of one measure under names of their own: `round_trip_p50`, or just `drain`."""
    if isinstance(found, Mapping):
        return {f"{measure}_{part}": figure for part, figure in found.items()}
    return {measure: found}


def _rounded(figure: float) -> float:
    return float(f"{figure:.6g}")
