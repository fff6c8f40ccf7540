"""A mutation: one place in aioqueue, as it is and as it would be if somebody had forgotten something."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Mutant:
    """Replaces `before`, which stands exactly once in `file` (below aioqueue/), by `after`.

    `forgets` says what would be lost with it. `tests` are pytest selections that are tried first, the likeliest before
    the others; each is a line of pytest's arguments.
    """

    name: str
    file: str
    before: str
    after: str
    forgets: str
    tests: tuple[str, ...]

    def apply(self, package: Path) -> None:
        """Change a copy of the package. Raises LookupError if the place is not there exactly once."""
        path = package / self.file
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        path.write_text(self.mutated(text), encoding="utf-8")

    def mutated(self, text: str) -> str:
        """Return a file's text with the mutation. Raises as `apply` does."""
        found = text.count(self.before)
        if found != 1:
            raise LookupError(f"{self.name}: {found} places in {self.file} read\n{self.before}")
        return text.replace(self.before, self.after)
