"""The published table says what the figures say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from msgspec import json, structs

from tests.faults.figures import Figures
from tests.faults.table import read_figures, table

ONE = Figures(
    row=1,
    scenario="kill -9",
    store="redis",
    seed=7,
    jobs=900,
    lost=0,
    repeated=3,
    outcomes_twice=0,
    deaths=0,
    stuck=0,
    recovery_p50=2.0,
    recovery_max=2.5,
)


def cells(figures: list[Figures], line: int) -> list[str]:
    return [cell.strip() for cell in table(figures).splitlines()[line].strip("|").split("|")]


def another(**changed: Any) -> Figures:
    return structs.replace(ONE, **changed)


def test_one_line_a_scenario_and_store_over_all_seeds() -> None:
    worse = another(seed=8, jobs=1_000, lost=2, outcomes_twice=1, deaths=4, stuck=5, recovery_p50=3.0, recovery_max=9)
    assert cells([ONE, worse], 2) == [
        *("1", "kill -9", "redis", "2", "1,900", "2", "1", "6"),
        *("2.50 s", "9.00 s", "4", "5"),
    ]


def test_rows_come_in_their_order_and_stores_in_one_order() -> None:
    figures = [another(row=20), another(row=3, store="sqlite"), another(row=3, store="memory"), ONE]
    lines = [cells(figures, line)[:3] for line in range(2, 6)]
    assert [(row, store) for row, _, store in lines] == [
        ("1", "redis"),
        ("3", "memory"),
        ("3", "sqlite"),
        ("20", "redis"),
    ]


def test_totals_and_seeds_stand_below() -> None:
    figures = [ONE, another(row=2, seed=9, lost=1), another(row=3, recovery_p50=0.0, recovery_max=0.0)]
    assert cells(figures, 5) == ["", "**all**", "", "2", "2,700", "1", "0", "9", "2.00 s", "2.50 s", "0", "0"]
    assert cells(figures, 4)[8:10] == ["", ""], "nothing had to be recovered there"
    assert table(figures).endswith("Seeds: 7, 9.\n")


def test_figures_are_read_back(tmp_path: Path) -> None:
    path = tmp_path / "figures"
    path.write_bytes(b"".join(json.encode(one) + b"\n" for one in (ONE, another(row=2))))
    assert read_figures(path) == [ONE, another(row=2)]
