"""Becomes a peer's own worker command, the way its users start it."""

from __future__ import annotations

import os
import sys
from typing import NoReturn


def become(module: str, *arguments: str) -> NoReturn:
    """Replace this process by `python -m module arguments`."""
    os.execv(sys.executable, [sys.executable, "-m", module, *arguments])
