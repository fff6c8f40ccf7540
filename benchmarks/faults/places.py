"""Where the fault programme on peers reads and writes."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from benchmarks import places

HERE: Final = Path(__file__).resolve().parent
PEER_MODULES: Final = HERE / "peers"
SCRATCH: Final = places.SCRATCH / "faults"
LOGS: Final = SCRATCH / "logs"
