"""The wheel carries all that the package needs."""

from __future__ import annotations

from pathlib import Path

import aioqueue

CHECKOUT = Path(__file__).parent.parent / "aioqueue"


def files(package: Path) -> set[str]:
    return {
        str(path.relative_to(package))
        for path in package.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def test_every_file_of_the_package_is_under_test() -> None:
    assert files(Path(aioqueue.__file__).parent) == files(CHECKOUT)


def test_what_only_the_tests_of_aioqueue_need_is_not_in_it() -> None:
    assert "testing/model.py" not in files(CHECKOUT)
