"""The pages that people read, and the fenced blocks in them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final, NamedTuple

ROOT: Final = Path(__file__).parents[2]
PAGES: Final = tuple(
    sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", *(ROOT / "docs").rglob("*.md")])
)

_HEADING: Final = re.compile(r"#{1,6} (.*)")
_FENCE: Final = re.compile(r"( *)(```+)([\w-]*)[^`]*")
_FILE: Final = re.compile(r"# ([\w/]+\.py)\n")


class Block(NamedTuple):
    """One fenced block: where it stands, the language that its fence names, and its text."""

    page: Path
    heading: str
    line: int
    language: str
    text: str

    @property
    def file(self) -> str:
        """The file that a block of Python is, as its first line says; empty for none."""
        found = _FILE.match(self.text) if self.language == "python" else None
        return found[1] if found else ""

    def __str__(self) -> str:
        return f"{name_of(self.page)}, line {self.line}"


def name_of(page: Path) -> str:
    """Return a page's path from the root."""
    return page.relative_to(ROOT).as_posix()


def blocks_of(page: Path) -> list[Block]:
    """Return the blocks of a page, in order."""
    found, heading = [], ""
    lines = iter(enumerate(page.read_text(encoding="utf-8").splitlines(), 1))
    for number, line in lines:
        if fence := _FENCE.fullmatch(line):
            indent, ticks, language = fence.groups()
            inside = []
            for _, text in lines:
                if text.strip() == ticks:
                    break
                inside.append(text.removeprefix(indent) + "\n")
            found.append(Block(page, heading, number + 1, language, "".join(inside)))
        elif title := _HEADING.fullmatch(line):
            heading = title[1]
    return found


def text_without_blocks(page: Path) -> str:
    """Return a page without what stands in its blocks."""
    return re.sub(r"^( *)(```+).*?^\1\2$", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
