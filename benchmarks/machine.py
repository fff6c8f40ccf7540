"""What the figures were taken on, without anything that names the machine."""

from __future__ import annotations

import os
import platform
from pathlib import Path

import psutil  # type: ignore[import-untyped]

LOOK_SECONDS = 0.5


def description() -> dict[str, str | int]:
    """Processor, cores, system and Python."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count() or 0,
        "system": f"{platform.system()} {platform.machine()}",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
    }


def load() -> float:
    """The share of all cores in use at the moment, 0 to 1."""
    return float(psutil.cpu_percent(interval=LOOK_SECONDS)) / 100


def _processor() -> str:
    """The processor's model as the system names it."""
    facts = Path("/proc/cpuinfo")
    if facts.exists():
        for line in facts.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or "unknown"
