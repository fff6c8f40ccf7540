"""The values of a chord's members, until its callback has finished."""

from __future__ import annotations

from dataclasses import dataclass, field

from aioqueue.drivers.base import NewJob


@dataclass(slots=True)
class Chord:
    """So many values, each with its place, and the callback they are for; the first one for a place stays."""

    size: int
    callback: NewJob
    values: dict[int, bytes] = field(default_factory=dict)

    def add(self, index: int, value: bytes) -> bool:
        """Keep the value of one member; answer whether it was the last one missing."""
        if index in self.values or index not in range(self.size):
            return False
        self.values[index] = value
        return len(self.values) == self.size

    @property
    def inputs(self) -> tuple[bytes, ...]:
        """The values in the order of the members."""
        return tuple(self.values[index] for index in sorted(self.values))
