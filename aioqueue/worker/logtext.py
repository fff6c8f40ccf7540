"""Foreign text in log lines: what a task or a store says must not forge lines or drive a terminal."""

from __future__ import annotations


def one_line(text: str) -> str:
    """Return `text` with every control character escaped."""
    return "".join(letter if letter.isprintable() else _escaped(letter) for letter in text)


def many_lines(text: str) -> str:
    """Return `text` with every control character escaped but line ends and tabs, for tracebacks."""
    return "".join(letter if letter.isprintable() or letter in "\n\t" else _escaped(letter) for letter in text)


def _escaped(letter: str) -> str:
    return letter.encode("unicode_escape").decode()
