"""Numbers on the command line."""

from __future__ import annotations

import math
from typing import Any

import click


class Finite(click.FloatRange):
    """A number of a range that is one: neither nan, which no range keeps out, nor infinite."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the number, or fail naming the parameter."""
        number: float = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value!r} is not a finite number.", param, ctx)
        return number


SECONDS = Finite(min=0)
MORE_THAN_ZERO = Finite(min=0, min_open=True)
MORE_THAN_ONE = Finite(min=1, min_open=True)
AT_LEAST_ONE = click.IntRange(min=1)
PORT = click.IntRange(0, 65_535)
