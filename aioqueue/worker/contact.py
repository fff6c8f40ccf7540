"""Whether a store answers, as those who ask it anyway have last found."""

from __future__ import annotations

from aioqueue.errors import StoreUnavailable


class Contact:
    """Whoever renews or claims does it `with` this, which notes in `answers` how it went; looking asks no store.

    Both may be in any thread. `is_cut_off` is noted by who renews: for so long no renewal was answered that others may
    soon take over the jobs of this lease, so that none of them is to start.
    """

    def __init__(self) -> None:
        self.answers: bool = True
        self.is_cut_off = False

    def __enter__(self) -> None:
        """Begin to ask the store."""

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        """Note whether it answered."""
        if error is None:
            self.answers = True
        elif isinstance(error, StoreUnavailable):
            self.answers = False
