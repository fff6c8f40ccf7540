"""Where the harness reads and writes."""

from __future__ import annotations

from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).resolve().parent
CHECKOUT: Final = HERE.parent
PEER_MODULES: Final = HERE / "peers"
REQUIREMENTS: Final = HERE / "requirements"
SCRATCH: Final = CHECKOUT / ".benchmarks"
ENVIRONMENTS: Final = SCRATCH / "environments"
LOGS: Final = SCRATCH / "logs"
