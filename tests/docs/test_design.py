"""The page on the design shows the layers and counts the contracts that import-linter holds."""

from __future__ import annotations

import tomllib
from typing import Any, Final

from tests.docs.pages import ROOT, blocks_of

PAGE: Final = ROOT / "docs" / "design.md"
NUMBERS: Final = ("No", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine")


def contracts() -> list[dict[str, Any]]:
    """Return the contracts of import-linter, of which the first has the layers of the package."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    found: list[dict[str, Any]] = settings["tool"]["importlinter"]["contracts"]
    return found


def shown_layers() -> list[list[str]]:
    """Return the layers as the page has them, the highest first; a folder's name ends with a slash."""
    (block,) = [block for block in blocks_of(PAGE) if block.heading == "Layers"]
    return [[name.strip() for name in line.split("·")] for line in block.text.splitlines()]


def test_the_layers_are_those_of_the_contract() -> None:
    shown = [{name.removesuffix("/") for name in layer} for layer in shown_layers()]
    assert shown == [{name.strip() for name in layer.split("|")} for layer in contracts()[0]["layers"]]


def test_folders_are_shown_as_folders() -> None:
    names = [name for layer in shown_layers() for name in layer]
    assert [name for name in names if name.endswith("/") is not (ROOT / "aioqueue" / name).is_dir()] == []


def test_the_other_contracts_are_counted() -> None:
    assert f"\n{NUMBERS[len(contracts()) - 1]} more contracts: " in PAGE.read_text(encoding="utf-8")
