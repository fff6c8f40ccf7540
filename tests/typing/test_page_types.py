"""What a page shows passes a type checker: its program, and the files that it writes."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.docs.pages import PAGES, blocks_of, name_of
from tests.docs.program import module_name
from tests.docs.test_pages import ELSEWHERE

# A page is read from top to bottom: `await` may stand outside of functions, and a name may get another meaning.
_AS_A_PAGE: Final = (
    "--disable-error-code=top-level-await",
    "--disable-error-code=syntax",
    "--disable-error-code=no-redef",
    "--allow-redefinition-new",
    "--local-partial-types",
)
# Lines that a checker must refuse: the page shows what happens to a call that does not fit, or two others disagree.
REFUSED: Final = {
    "docs/tutorial.md": ["await count_words(42)"],
    "docs/how-to/litestar.md": ["httpx.ASGITransport(app)"],
}
CHECKED: Final = [
    page
    for page in PAGES
    if name_of(page) not in ELSEWHERE and any(block.language == "python" for block in blocks_of(page))
]


def written(page: Path, folder: Path) -> None:
    """Write the files of a page, and its Python as one module whose lines have the numbers of the page."""
    lines: list[str] = []
    for block in blocks_of(page):
        if block.language != "python":
            continue
        lines += [""] * (block.line - 1 - len(lines)) + block.text.splitlines()
        if block.file:
            (folder / block.file).parent.mkdir(parents=True, exist_ok=True)
            (folder / block.file).write_text(block.text, encoding="utf-8")
    (folder / f"{module_name(page)}.py").write_text("\n".join(lines) + "\n", encoding="utf-8")


def refused(folder: Path, cache: Path) -> list[tuple[str, str]]:
    """Return each line that mypy refuses, and why."""
    checker = [sys.executable, "-m", "mypy", "--check-untyped-defs", "--python-version=3.11", f"--cache-dir={cache}"]
    run = subprocess.run([*checker, *_AS_A_PAGE, "."], cwd=folder, capture_output=True, text=True, check=False)
    assert re.search(r"^(Success|Found)", run.stdout, re.MULTILINE), run.stdout + run.stderr
    found = re.findall(r"^(.+?):(\d+): error: (.*)$", run.stdout, re.MULTILINE)
    return [((folder / file).read_text(encoding="utf-8").splitlines()[int(line) - 1], why) for file, line, why in found]


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the checker knows of the package after the first page."""
    return tmp_path_factory.mktemp("cache")


@pytest.mark.parametrize("page", CHECKED, ids=name_of)
def test_what_a_page_shows_passes_a_type_checker(page: Path, tmp_path: Path, cache: Path) -> None:
    written(page, tmp_path)
    found = refused(tmp_path, cache)
    meant = REFUSED.get(name_of(page), [])
    assert [one for one in found if not any(line in one[0] for line in meant)] == []
    assert [line for line in meant if not any(line in one[0] for one in found)] == []


def test_what_does_not_fit_is_found(tmp_path: Path, cache: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("```python\nimport asyncio\n\nawait asyncio.sleep('long')\n```\n", encoding="utf-8")
    folder = tmp_path / "folder"
    folder.mkdir()
    written(page, folder)
    assert [line for line, _ in refused(folder, cache)] == ["await asyncio.sleep('long')"]
