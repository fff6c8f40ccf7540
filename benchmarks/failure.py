"""The one error a measure may end with."""

from __future__ import annotations


class PeerFailed(Exception):  # noqa: N818 -- it reads as what happened
    """A peer could not be measured; the message is the reason shown in the table."""
