"""Python's garbage collector while a worker starts: what is imported stays, and is no waste to be looked for."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

_RARELY: Final = (1_000_000, 10, 10)


@contextmanager
def importing() -> Iterator[None]:
    """Collect next to nothing in a block that imports modules, and never look through what is there at its end again.

    A tenth of a worker's start goes into collecting otherwise. What the application says of the collector holds.
    """
    before = gc.get_threshold()
    gc.set_threshold(*_RARELY)
    try:
        yield
    finally:
        gc.freeze()
        if gc.get_threshold() == _RARELY:
            gc.set_threshold(*before)
