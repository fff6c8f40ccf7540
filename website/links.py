"""Looks where the links of the finished site lead: to files and anchors that are there. Assets are to be there too."""

from __future__ import annotations

from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

_LOADING: Final = ("script", "img", "iframe", "link", "source")  # what a browser fetches by itself
_POINTING: Final = ("canonical", "next", "prev")  # links of the kind <link> that it does not


class Page(HTMLParser):
    """The anchors of one page, where it links to, and what it loads."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note one element."""
        said = dict(attrs)
        self.anchors |= {name for name in (said.get("id"), said.get("name")) if name}
        address = said.get("href") or said.get("src")
        if address is not None:
            loads = tag in _LOADING and said.get("rel") not in _POINTING
            (self.loads if loads else self.links).append(address)


def complaints(site: Path) -> Iterator[str]:
    """Say each link that leads nowhere, and each asset that another host would have to give."""
    pages = {path: Page(path.read_text(encoding="utf-8")) for path in site.rglob("*.html")}
    for path, page in pages.items():
        for address in [*page.links, *page.loads]:
            if _is_elsewhere(address):
                if address in page.loads:
                    yield f"{path.relative_to(site)}: loads {address} from another host"
            elif not _is_there(site, path, address, pages):
                yield f"{path.relative_to(site)}: {address} is not there"


def _is_elsewhere(address: str) -> bool:
    parts = urlsplit(address)
    return bool(parts.scheme or parts.netloc)


def _is_there(site: Path, path: Path, address: str, pages: dict[Path, Page]) -> bool:
    parts = urlsplit(address)
    start = site if parts.path.startswith("/") else path.parent
    # The page for what is not there is shown at any depth, and so links from the root.
    target = (start / unquote(parts.path).lstrip("/")).resolve() if parts.path else path.resolve()
    if target.is_dir():
        target /= "index.html"
    if not target.is_file():
        return False
    there = pages.get(site / target.relative_to(site.resolve()))
    return not parts.fragment or there is None or unquote(parts.fragment) in {"__skip", *there.anchors}
