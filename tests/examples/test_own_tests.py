"""The tests that stand beside the examples, as whoever copies them runs them: in that directory, with its settings."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.examples.running import EXAMPLES, PATIENCE, environment_of


@pytest.mark.parametrize("path", ["report_service/tests", "test_cleanup.py"])
def test_they_pass_and_leave_the_real_store_alone(path: str, tmp_path: Path) -> None:
    own, real = tmp_path / "own", tmp_path / "real.db"
    command = [sys.executable, "-P", "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--basetemp={own}", path]
    environment = environment_of(AIOQUEUE_URL=f"sqlite:///{real}")
    run = subprocess.run(
        command, cwd=EXAMPLES, env=environment, capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert " passed in " in run.stdout
    assert not real.exists(), "the tests, or processes that they started, have used the store of the application"
