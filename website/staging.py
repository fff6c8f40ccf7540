"""Lays the pages out as they lie in the repository, so that a link between them leads to the same file in both.

Some pages stand outside of docs/, and docs/ links to them. A site generator sees one folder only: so it is given a copy
of all that is shown, each file under the path it has in the repository.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parent.parent
SITE: Final = Path(".site")  # below the working directory
SHOWN: Final = (
    "*.md",
    "LICENSE",
    "docs/**/*",
    "benchmarks/**/*.md",
    "benchmarks/*.json",
    "benchmarks/*.svg",
    "examples/**/*.py",
    "tests/*/README.md",
)


def stage() -> None:
    """Make the folder anew: the configuration, the package whose docstrings are shown, and the pages."""
    shutil.rmtree(SITE, ignore_errors=True)
    (SITE / "source").mkdir(parents=True)
    shutil.copy(ROOT / "website" / "zensical.toml", SITE)
    shutil.copytree(ROOT / "website" / "assets", SITE / "source" / "assets")
    shutil.copytree(ROOT / "aioqueue", SITE / "package" / "aioqueue", ignore=shutil.ignore_patterns("__pycache__"))
    for path in shown():
        copied = SITE / "source" / path.relative_to(ROOT)
        copied.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, copied)


def shown() -> Iterator[Path]:
    """Return the files that are pages, or that pages link to."""
    for pattern in SHOWN:
        yield from (path for path in ROOT.glob(pattern) if path.is_file() and "__pycache__" not in path.parts)
