"""Whether a store answers, as those who ask it anyway have last found."""

from __future__ import annotations

from aioqueue.errors import StoreUnavailable


class Contact:
    """Whoever renews or claims notes in `answers` how that went, from whichever thread; looking asks no store.

    A block `with` it notes how asking the store goes there. `is_cut_off` is noted by who renews: for so long no renewal
    was answered that others may soon take over the jobs of this lease, so that none of them is to start.
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
