"""The grammar of a field, piece by piece."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aioqueue.schedules.fields import DAY, DAY_OF_WEEK, HOUR, MINUTE, MONTH, Field, has_star, numbers_of
from tests.schedules.brute import Written, fields

LIMITS = {MINUTE: (0, 59), HOUR: (0, 23), DAY: (1, 31), MONTH: (1, 12), DAY_OF_WEEK: (0, 6)}


@pytest.mark.parametrize(
    ("field", "written", "numbers"),
    [
        (HOUR, "*", list(range(24))),
        (MINUTE, "*/15", [0, 15, 30, 45]),
        (MINUTE, "9-11", [9, 10, 11]),
        (MINUTE, "5,1", [1, 5]),
        (MINUTE, 7, [7]),
        (MINUTE, "07", [7]),
        (MINUTE, "1, 2 ,3", [1, 2, 3]),
        (HOUR, "9-11,16-18", [9, 10, 11, 16, 17, 18]),
        (HOUR, "22-2", [0, 1, 2, 22, 23]),
        (HOUR, "22-2/2", [0, 2, 22]),
        (HOUR, "9-17/4", [9, 13, 17]),
        (MINUTE, "*/60", [0]),
        (DAY, "*/6,1,4,8-9", [1, 4, 7, 8, 9, 13, 19, 25, 31]),
        (DAY, "30-2", [1, 2, 30, 31]),
        (MONTH, "*/6", [1, 7]),
        (MONTH, "jan,MAR,Dec", [1, 3, 12]),
        (MONTH, "nov-feb", [1, 2, 11, 12]),
        (DAY_OF_WEEK, "*", [0, 1, 2, 3, 4, 5, 6]),
        (DAY_OF_WEEK, "*/2", [0, 2, 4, 6]),
        (DAY_OF_WEEK, "mon-fri", [1, 2, 3, 4, 5]),
        (DAY_OF_WEEK, "Fri-MON", [0, 1, 5, 6]),
        (DAY_OF_WEEK, "mon-sun", [0, 1, 2, 3, 4, 5, 6]),
        (DAY_OF_WEEK, 0, [0]),
        (DAY_OF_WEEK, 7, [0]),
        (DAY_OF_WEEK, "5-7", [0, 5, 6]),
        (DAY_OF_WEEK, "7-2", [0, 1, 2]),
        (DAY_OF_WEEK, "0-7", [0, 1, 2, 3, 4, 5, 6]),
        (DAY_OF_WEEK, "1-7/2", [0, 1, 3, 5]),
        (DAY_OF_WEEK, "7-0", [0]),
    ],
)
def test_reads(field: Field, written: str | int, numbers: list[int]) -> None:
    assert numbers_of(field, written) == tuple(numbers)


@pytest.mark.parametrize(
    ("field", "written", "piece", "allowed"),
    [
        (MINUTE, "60", "60", "0-59"),
        (MINUTE, -1, "-1", "0-59"),
        (HOUR, "9,24", "24", "0-23"),
        (HOUR, "9-25", "9-25", "0-23"),
        (DAY, "0", "0", "1-31"),
        (DAY, "1,,2", "", "1-31"),
        (MONTH, "january", "january", "jan"),
        (MONTH, "13", "13", "1-12"),
        (DAY_OF_WEEK, "8", "8", "0-7"),
        (DAY_OF_WEEK, "mon-", "mon-", "sun"),
        (DAY_OF_WEEK, "jan", "jan", "sun"),
        (MINUTE, "", "", "0-59"),
        (MINUTE, "*/0", "*/0", "0-59"),
        (MINUTE, "*/61", "*/61", "0-59"),
        (MINUTE, "*/", "*/", "0-59"),
        (MINUTE, "5/10", "5/10", "0-59"),
        (MINUTE, "1-2-3", "1-2-3", "0-59"),
        (MINUTE, "1-10/2/3", "1-10/2/3", "0-59"),
        (MINUTE, "**", "**", "0-59"),
        (MINUTE, "*-5", "*-5", "0-59"),
        (MINUTE, "1.5", "1.5", "0-59"),
        (MINUTE, "٣", "٣", "0-59"),
        (MINUTE, "9" * 5_000, "9" * 5_000, "0-59"),
    ],
)
def test_a_bad_piece_is_named(field: Field, written: str | int, piece: str, allowed: str) -> None:
    with pytest.raises(ValueError, match=f"^{field.name}=") as refused:
        numbers_of(field, written)
    assert f"bad piece {piece!r}" in str(refused.value)
    assert allowed in str(refused.value)


@pytest.mark.parametrize("written", [None, True, 1.5, ["1"], b"*"])
def test_neither_text_nor_number(written: object) -> None:
    with pytest.raises(TypeError, match=r"minute=.*a str or an int is needed"):
        numbers_of(MINUTE, written)  # type: ignore[arg-type]


def test_a_star_anywhere_in_the_list_counts() -> None:
    assert has_star(MINUTE, "*")
    assert has_star(MINUTE, "7,*/20")
    assert not has_star(MINUTE, "0-59")
    assert not has_star(MINUTE, 5)


@given(st.sampled_from(list(LIMITS)), st.data())
def test_whatever_is_well_formed_is_read(field: Field, data: st.DataObject) -> None:
    low, high = LIMITS[field]
    drawn: Written = data.draw(fields(low, high))
    assert numbers_of(field, drawn.text) == tuple(sorted(drawn.numbers))


@given(st.sampled_from(list(LIMITS)), st.text(alphabet="0123456789*/-,monja ", max_size=8))
def test_any_text_is_read_within_limits_or_refused(field: Field, text: str) -> None:
    low, high = LIMITS[field]
    try:
        numbers = numbers_of(field, text)
    except ValueError:
        return
    assert numbers
    assert all(low <= number <= high for number in numbers)
