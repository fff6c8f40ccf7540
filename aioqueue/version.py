"""The version of aioqueue; the package's metadata is taken from here."""

from __future__ import annotations

__version__ = "0.1.0"
