"""The reference has every public name, once, and the site's menu has every page."""

from __future__ import annotations

import re
import tomllib
from importlib import import_module
from operator import attrgetter
from pathlib import Path
from typing import Any, Final

import pytest

from tests.docs.pages import PAGES, ROOT, name_of

REFERENCE: Final = sorted((ROOT / "docs" / "reference").glob("*.md"))
DECISIONS: Final = sorted((ROOT / "docs" / "decisions").glob("[0-9]*.md"))
MODULES: Final = (
    "aioqueue",
    "aioqueue.frameworks.starlette",
    "aioqueue.frameworks.litestar",
    "aioqueue.frameworks.aiohttp",
    "aioqueue.testing.conformance",
)


def shown() -> list[str]:
    """Return what the reference shows, by its full name."""
    return [name for page in REFERENCE for name in re.findall(r"^::: ([\w.]+)", page.read_text(), re.MULTILINE)]


def menu() -> set[str]:
    """Return the pages that the site's menu leads to."""
    found: set[str] = set()

    def walk(entry: Any) -> None:
        if isinstance(entry, str):
            found.add(entry)
        for part in entry.values() if isinstance(entry, dict) else entry if isinstance(entry, list) else ():
            walk(part)

    walk(tomllib.loads((ROOT / "website" / "zensical.toml").read_text())["project"]["nav"])
    return found


def named(path: str) -> object:
    """Return what stands at a path of modules and names; a module goes before a name that hides it."""
    module, name = path, ""
    while True:
        try:
            found: object = import_module(module)
        except ModuleNotFoundError:
            module, _, last = module.rpartition(".")
            name = f"{last}.{name}" if name else last
        else:
            return attrgetter(name)(found) if name else found


@pytest.mark.parametrize("module", MODULES)
def test_every_public_name_is_in_the_reference(module: str) -> None:
    there = [named(path) for path in shown()]
    public = import_module(module)
    missing = [name for name in public.__all__ if not any(getattr(public, name) is one for one in there)]
    assert public in there or missing == []


def test_nothing_is_shown_twice() -> None:
    assert len(shown()) == len(set(shown()))


@pytest.mark.parametrize("page", [page for page in PAGES if page not in DECISIONS], ids=name_of)
def test_every_page_is_in_the_menu(page: Path) -> None:
    assert name_of(page) in menu()


def test_every_decision_is_in_the_list() -> None:
    listed = (ROOT / "docs" / "decisions" / "index.md").read_text()
    titles = {page.name: page.read_text().splitlines()[0].removeprefix("# ") for page in DECISIONS}
    assert [name for name, title in titles.items() if f"- [{title}]({name})" not in listed] == []
