"""Figures out of the results: one alone, or a ratio of two of the same run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import Any, TypeAlias

Results: TypeAlias = dict[str, Any]


@dataclass(frozen=True)
class Figure:
    """A figure over the rounds: the ratio or value of the medians, and the lowest and highest of a single round."""

    value: float
    lowest: float
    highest: float


Look: TypeAlias = Callable[[Results], Figure | None]


def rounds(results: Results, peer: str, measure: str) -> list[float]:
    """What each round found; nothing for a peer that did not take part or failed."""
    found: list[float] = results["peers"].get(peer, {}).get("rounds", {}).get(measure, [])
    return found


def value_of(peer: str, measure: str, scale: float = 1.0) -> Look:
    """The figure itself."""

    def look(results: Results) -> Figure | None:
        found = [figure * scale for figure in rounds(results, peer, measure)]
        return Figure(median(found), min(found), max(found)) if found else None

    return look


def ratio_of(peer: str, measure: str, other: str, other_measure: str = "") -> Look:
    """One figure over another; lowest and highest pair the figures of the same round."""

    def look(results: Results) -> Figure | None:
        above, below = rounds(results, peer, measure), rounds(results, other, other_measure or measure)
        if not above or not below:
            return None
        if len(below) != len(above):  # one of them was taken once only
            ratio = median(above) / median(below)
            return Figure(ratio, ratio, ratio)
        paired = [high / low for high, low in zip(above, below, strict=True)]
        return Figure(median(above) / median(below), min(paired), max(paired))

    return look


def deepest_over_shallowest(peer: str, measure: str, steps: str) -> Look:
    """The figure at the last of the plan's `steps` over that at the first; `{}` in `measure` stands for the step."""

    def look(results: Results) -> Figure | None:
        if len(results[steps]) < 2:
            return None
        first, last = results[steps][0], results[steps][-1]
        return ratio_of(peer, measure.format(last), peer, measure.format(first))(results)

    return look


def at_deepest(peer: str, measure: str, steps: str, scale: float = 1.0) -> Look:
    """The figure at the last of the plan's `steps`."""

    def look(results: Results) -> Figure | None:
        return value_of(peer, measure.format(results[steps][-1]), scale)(results) if results[steps] else None

    return look
