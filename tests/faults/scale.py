"""How much is tried: the quick form, which CI runs, or the whole one; and with which seeds.

`AIOQUEUE_FAULTS=whole` chooses the numbers that docs/guarantees.md promises. `AIOQUEUE_FAULTS_SEEDS=5` runs each row
with five seeds; `AIOQUEUE_FAULTS_SEED=…`, which a failing row prints, repeats one (and counts up from it for more).
"""

from __future__ import annotations

import os
import random
from typing import Final, TypeVar

T = TypeVar("T")

SEEDS: Final = int(os.environ.get("AIOQUEUE_FAULTS_SEEDS", "1"))
_IS_WHOLE: Final = os.environ.get("AIOQUEUE_FAULTS") == "whole"


def scaled(quick: T, whole: T) -> T:
    """Return one of two numbers."""
    return whole if _IS_WHOLE else quick


def nth_seed(n: int) -> int:
    """Return the n-th seed of this run, counting from 0."""
    first = os.environ.get("AIOQUEUE_FAULTS_SEED")
    return random.randrange(1_000_000) if first is None else int(first) + n
