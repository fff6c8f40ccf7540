"""The wheel carries all that the package needs, and a checkout runs its tests with what the group `dev` brings."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import aioqueue

ROOT = Path(__file__).parent.parent
CHECKOUT = ROOT / "aioqueue"


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


@pytest.mark.parametrize(("asked", "is_collected"), [("tests", False), ("tests/e2e", True)])
def test_a_bare_pytest_leaves_out_what_needs_a_browser(tmp_path: Path, asked: str, is_collected: bool) -> None:
    """The group `dev` has no selenium; here nobody has it. All other folders are left out to be quick."""
    (tmp_path / "sitecustomize.py").write_text("import sys\nsys.modules['selenium'] = None\n")
    others = [f"--ignore={path}" for path in (ROOT / "tests").iterdir() if path.name not in ("e2e", "conftest.py")]
    command = [sys.executable, "-P", "-m", "pytest", "-p", "no:cacheprovider", "--collect-only", *others, asked]
    said = subprocess.run(
        command, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(tmp_path)}, capture_output=True, text=True, check=False
    )
    assert ("selenium" in said.stdout + said.stderr) is is_collected, said.stdout + said.stderr
    assert said.returncode == (pytest.ExitCode.USAGE_ERROR if is_collected else pytest.ExitCode.NO_TESTS_COLLECTED)
