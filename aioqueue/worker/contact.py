"""Whether a store answers, as those who ask it anyway have last found."""

from __future__ import annotations


class Contact:
    """Whoever renews or claims notes in `answers` how that went, from whichever thread; looking asks no store."""

    def __init__(self) -> None:
        self.answers = True
