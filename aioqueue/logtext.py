"""Foreign text in log lines: what a task or a store says must not forge lines or drive a terminal."""

from __future__ import annotations


def one_line(text: str) -> str:
    """Return `text` with every control character escaped."""
    return "".join(letter if letter.isprintable() else _escaped(letter) for letter in text)


def many(number: int, one: str, several: str = "") -> str:
    """Return a number with its noun."""
    return f"{number} {noun(number, one, several)}"


def noun(number: int, one: str, several: str = "") -> str:
    """Return the words that follow a number: `one`, or for any number but 1 `several`, by default one + "s"."""
    return one if number == 1 else several or one + "s"


def many_lines(text: str) -> str:
    """Return `text` with every control character escaped but line ends and tabs, for tracebacks."""
    return "".join(letter if letter.isprintable() or letter in "\n\t" else _escaped(letter) for letter in text)


def json_line(text: str) -> str:
    """Return JSON text without line ends with every character escaped that could drive a terminal: it says the same."""
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() else _escaped_in_json(letter) for letter in text)


def _escaped_in_json(letter: str) -> str:
    units = letter.encode("utf-16-be")
    return "".join(f"\\u{units[start : start + 2].hex()}" for start in range(0, len(units), 2))


def _escaped(letter: str) -> str:
    return letter.encode("unicode_escape").decode()
