"""Whether a store answers, as those who ask it anyway have last found."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from aioqueue.errors import StoreUnavailable


class Contact:
    """Whoever renews or claims notes in `answers` how that went, from whichever thread; looking asks no store.

    `is_cut_off` is noted by who renews: for so long no renewal was answered that others may soon take over the jobs of
    this lease, so that none of them is to start.
    """

    def __init__(self) -> None:
        self.answers: bool = True
        self.is_cut_off = False

    @contextmanager
    def noted(self) -> Iterator[None]:
        """Note how asking the store goes within the block."""
        try:
            yield
        except StoreUnavailable:
            self.answers = False
            raise
        self.answers = True
