"""Links of a finished site that lead nowhere are found, and what it would load from elsewhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.pages import ROOT
from website.links import complaints
from website.staging import shown


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A site of two pages and a file."""
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "page.html").write_text('<h1 id="top">Here</h1><a href="../index.html">up</a>')
    (tmp_path / "picture.svg").write_text("<svg/>")
    return tmp_path


@pytest.mark.parametrize(
    "right",
    [
        '<a href="below/page.html#top">',
        '<a href="below/page.html">',
        '<a href="#here" id="here">',
        '<a href="https://example.org/no">',
        '<a href="mailto:ann@example.org">',
        '<img src="picture.svg">',
        '<link rel="canonical" href="https://example.org/">',
    ],
)
def test_what_leads_somewhere_is_right(site: Path, right: str) -> None:
    (site / "index.html").write_text(right)
    assert list(complaints(site)) == []


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        ('<a href="below/none.html">', "index.html: below/none.html is not there"),
        ('<a href="below/page.html#none">', "index.html: below/page.html#none is not there"),
        ('<a href="#none">', "index.html: #none is not there"),
        ('<a href="below">', "index.html: below is not there"),
        ('<img src="none.png">', "index.html: none.png is not there"),
        ('<script src="https://example.org/a.js">', "index.html: loads https://example.org/a.js from another host"),
        (
            '<link rel="stylesheet" href="//example.org/a.css">',
            "index.html: loads //example.org/a.css from another host",
        ),
    ],
)
def test_what_leads_nowhere_is_told(site: Path, wrong: str, complaint: str) -> None:
    (site / "index.html").write_text(wrong)
    assert list(complaints(site)) == [complaint]


def test_pages_outside_of_docs_are_shown_too() -> None:
    names = {path.relative_to(ROOT).as_posix() for path in shown()}
    assert {"README.md", "SECURITY.md", "docs/tutorial.md", "benchmarks/README.md"} <= names
