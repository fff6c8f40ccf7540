"""The grammar of a crontab field: which numbers `"*/15"`, `"22-2"` or `"mon,wed"` stand for."""

from __future__ import annotations

from dataclasses import dataclass

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")


@dataclass(frozen=True, slots=True)
class Field:
    """The numbers a field may hold, and names for them from `low` on.

    After `cycle` numbers it starts again, so that 7 is Sunday as 0 is.
    """

    name: str
    low: int
    high: int
    cycle: int
    names: tuple[str, ...] = ()

    @property
    def allowed(self) -> str:
        """What may be written, for messages."""
        names = f" or {', '.join(self.names)}" if self.names else ""
        return f"{self.low}-{self.high}{names}"


MINUTE = Field("minute", 0, 59, 60)
HOUR = Field("hour", 0, 23, 24)
DAY = Field("day", 1, 31, 31)
MONTH = Field("month", 1, 12, 12, _MONTHS)
DAY_OF_WEEK = Field("day_of_week", 0, 7, 7, _DAYS)


def numbers_of(field: Field, written: str | int) -> tuple[int, ...]:
    """Return the numbers that `written` stands for, in order.

    A comma-separated list of `*`, `n`, `m-n`, `*/s` and `m-n/s`; a range whose end is before its start wraps around.
    Raises ValueError, naming the piece, the field and what is allowed there; TypeError for neither str nor int.
    """
    numbers: set[int] = set()
    for piece in pieces_of(field, written):
        try:
            numbers.update(_numbers_of_piece(field, piece))
        except ValueError as error:
            raise ValueError(
                f"{field.name}={written!r}: bad piece {piece!r}: {error}; "
                f"allowed are {field.allowed}, '*', '*/n', 'm-n', 'm-n/s' and lists of these"
            ) from None
    return tuple(sorted(numbers))


def has_star(field: Field, written: str | int) -> bool:
    """Tell whether a piece is `*` or `*/n`."""
    return any(piece.startswith("*") for piece in pieces_of(field, written))


def pieces_of(field: Field, written: str | int) -> list[str]:
    """Return what stands between the commas."""
    if isinstance(written, bool) or not isinstance(written, (str, int)):
        raise TypeError(f"{field.name}={written!r}: a str or an int is needed, not {type(written).__name__}")
    return [piece.strip() for piece in str(written).split(",")]


def _numbers_of_piece(field: Field, piece: str) -> set[int]:
    span, slash, step = piece.partition("/")
    if slash and span != "*" and "-" not in span:
        raise ValueError("a step needs '*' or a range before it")
    first, last = _ends_of(field, span)
    if last < first:
        last += field.cycle
    stride = _step(field, step) if slash else 1
    return {field.low + (number - field.low) % field.cycle for number in range(first, last + 1, stride)}


def _ends_of(field: Field, span: str) -> tuple[int, int]:
    if span == "*":
        return field.low, field.low + field.cycle - 1
    first, dash, last = span.partition("-")
    start = _number(field, first)
    return start, _number(field, last) if dash else start


def _number(field: Field, text: str) -> int:
    if text.lower() in field.names:
        return field.low + field.names.index(text.lower())
    number = _digits(text)
    if not field.low <= number <= field.high:
        raise ValueError(f"{number} is out of range")
    return number


def _step(field: Field, text: str) -> int:
    step = _digits(text)
    if not 1 <= step <= field.cycle:
        raise ValueError(f"a step is 1-{field.cycle}")
    return step


def _digits(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 4):
        raise ValueError(f"cannot read {text!r}")
    return int(text)
