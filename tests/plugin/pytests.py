"""Pytest as an application's author runs it: a process of its own, in a folder of its own, with the plugin."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

PATIENCE = 120
# Of other distributions, and no part of any test here: importing them takes longer than all the rest.
UNUSED = ("-p", "no:cacheprovider", "-p", "no:xdist", "-p", "no:faker", "-p", "no:hypothesispytest")
NOISY = ("PYTEST_ADDOPTS", "PYTEST_CURRENT_TEST", "PYTEST_XDIST_WORKER", "AIOQUEUE_TEST_REDIS_URL", "AIOQUEUE_URL")


def run_pytest(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run pytest on a folder, warnings being errors."""
    plugin = () if entry_points(group="pytest11", name="aioqueue") else ("-p", "aioqueue.testing.plugin")
    settings = folder / "pytest.ini"
    if not settings.exists():
        settings.write_text("[pytest]\nasyncio_default_fixture_loop_scope = function\nfilterwarnings = error\n")
    own = {name: value for name, value in os.environ.items() if name not in NOISY}
    command = [sys.executable, "-P", "-m", "pytest", *UNUSED, *plugin, *arguments]
    return subprocess.run(
        command, cwd=folder, env={**own, **environment}, capture_output=True, text=True, timeout=PATIENCE, check=False
    )


def outcomes(run: subprocess.CompletedProcess[str]) -> dict[str, int]:
    """Return how many tests passed, failed and so on."""
    last = run.stdout.strip().splitlines()[-1] if run.stdout.strip() else run.stderr
    return {what: int(number) for number, what in re.findall(r"(\d+) (passed|failed|errors?|skipped|warnings?)", last)}
