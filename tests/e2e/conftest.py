"""The report service as processes, and a real browser."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from selenium.webdriver import Chrome, ChromeOptions, ChromeService

from tests.examples.running import EXAMPLES, running_worker
from tests.examples.serving import serving

SWITCHES = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1100,900",
)


def program(name: str) -> str:
    """Return where a program is; fail, and do not skip, where there is none."""
    path = shutil.which(name)
    if path is None:
        pytest.fail(f"no {name} on the PATH: apt-get install chromium chromium-driver", pytrace=False)
    return path


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Chrome]:
    """A headless Chromium with a profile of its own, that keeps what the console says."""
    options = ChromeOptions()
    options.binary_location = program("chromium")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    for switch in (*SWITCHES, f"--user-data-dir={tmp_path / 'profile'}"):
        options.add_argument(switch)
    with Chrome(options, ChromeService(program("chromedriver"))) as chrome:
        chrome.implicitly_wait(0)
        yield chrome


@dataclass(frozen=True)
class Service:
    """Where the report service is, and its worker."""

    address: str
    worker: subprocess.Popen[bytes]


@pytest.fixture
def service(redis_url: str, tmp_path: Path) -> Iterator[Service]:
    """The report service on Redis, its worker outside: three processes, as in production."""
    environment = {"AIOQUEUE_URL": redis_url, "REPORTS_FOLDER": str(tmp_path / "uploads")}
    with (
        running_worker(
            "report_service.tasks:queue", redis_url, EXAMPLES, REPORTS_FOLDER=environment["REPORTS_FOLDER"]
        ) as worker,
        serving("uvicorn", "report_service.app:app", "--port", "0", cwd=tmp_path, **environment) as address,
    ):
        yield Service(address, worker)
