"""Every mutation that is tried."""

from __future__ import annotations

from typing import Final

from tests.mutants.lists.memory import MEMORY
from tests.mutants.lists.redis import REDIS
from tests.mutants.lists.seal import SEAL
from tests.mutants.lists.sqlite import SQLITE
from tests.mutants.lists.worker import WORKER
from tests.mutants.mutant import Mutant

CATALOGUE: Final[tuple[Mutant, ...]] = (*WORKER, *SEAL, *MEMORY, *SQLITE, *REDIS)


def chosen(words: list[str]) -> list[Mutant]:
    """Return the mutants in whose names one of the words stands; all for no words."""
    return [mutant for mutant in CATALOGUE if not words or any(word in mutant.name for word in words)]
