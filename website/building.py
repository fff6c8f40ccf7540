"""Renders the pages with zensical, which counts warnings as errors."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Final

_COLOUR: Final = re.compile(r"\x1b\[[0-9;]*m")
_WHERE_IN_ZENSICAL: Final = re.compile(r"^Traceback \(most recent call last\):\n(?: .*\n)+", re.MULTILINE)
# A broken docstring is only logged there.
_COMPLAINT: Final = re.compile(r"^(WARNING|ERROR|Warning|Error)\b|griffe:|mkdocstrings:", re.MULTILINE)


class BuildError(Exception):
    """The site cannot be built, or not without a warning; the message is what zensical said."""


def build(site: Path) -> Path:
    """Return the folder with the finished site; `BuildError` says what is wrong."""
    command = [sys.executable, "-m", "zensical", "build", "--strict", "--clean"]
    run = subprocess.run(command, cwd=site, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    said = _WHERE_IN_ZENSICAL.sub("", _COLOUR.sub("", run.stdout))
    if run.returncode or _COMPLAINT.search(said):
        raise BuildError(said)
    return site / "html"
