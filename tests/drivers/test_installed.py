"""Drivers of other distributions are found by their URL scheme, and can be held against the contract from outside."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from aioqueue import ConfigurationError, Queue
from tests.plugin.pytests import outcomes, run_pytest

# A driver that wraps another, as one that counts or traces would.
ACME = '''
from aioqueue.drivers.base import Driver
from aioqueue.drivers.memory import MemoryDriver, memory_store


class AcmeDriver:
    """Hands every operation on to memory."""

    def __init__(self, url: str, queue: str) -> None:
        self.url, self.queue = url, queue
        self.inner: Driver = MemoryDriver(memory_store(url), queue)

    def __getattr__(self, name: str):
        return getattr(self.inner, name)

    def clone(self) -> "AcmeDriver":
        return AcmeDriver(self.url, self.queue)
'''
SUITE = """
import pytest

from aioqueue import Queue

pytest.register_assert_rewrite("aioqueue.testing.conformance")
from aioqueue.testing.conformance import CHECKS, stage_on

from acme import AcmeDriver


@pytest.mark.asyncio
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
async def test_contract(check):
    async with stage_on(lambda queue: AcmeDriver("acme://contract", queue)) as stage:
        await check(stage)


@pytest.mark.asyncio
@pytest.mark.parametrize("aioqueue_driver", ["acme://fixture", "memory"], indirect=True)
async def test_its_application(aioqueue_driver, aioqueue_clock, aioqueue_worker):
    queue = Queue("memory://")

    @queue.task
    async def add(a: int, b: int) -> int:
        return a + b

    aioqueue_driver(queue)
    result = await add.options(delay=60)(1, 2)
    await aioqueue_clock(queue).advance(60)
    await aioqueue_worker(queue).drain(raise_errors=True)
    assert await result == 3


@pytest.mark.asyncio
async def test_its_url():
    async with Queue("acme://somewhere/else?x=1", name="mine") as queue, queue.worker():
        assert repr(queue).startswith("<Queue mine on <acme.AcmeDriver")

        @queue.task
        async def add(a: int, b: int) -> int:
            return a + b

        assert await add.call(1, 2) == 3
"""

Install = Callable[..., Path]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Put distributions on the path of this process, and take their modules away afterwards."""
    before = set(sys.modules)

    def install(module: str, text: str, entry: str, *, distribution: str = "") -> Path:
        folder = distribution_in(tmp_path / (distribution or module), module, text, entry, distribution or module)
        monkeypatch.syspath_prepend(folder)
        return folder

    yield install
    for name in set(sys.modules) - before:
        if name.startswith("acme"):
            del sys.modules[name]


def distribution_in(folder: Path, module: str, text: str, entry: str, name: str) -> Path:
    """Lay out a folder as if a distribution had been installed there."""
    about = folder / f"{name}-1.0.dist-info"
    about.mkdir(parents=True)
    (folder / f"{module}.py").write_text(text)
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(f"[aioqueue.drivers]\n{entry}\n")
    return folder


def test_it_passes_the_whole_contract_from_outside(tmp_path: Path) -> None:
    installed = distribution_in(tmp_path / "site", "acme", ACME, "acme = acme:AcmeDriver", "acme-queue")
    tests = tmp_path / "project"
    tests.mkdir()
    (tests / "test_acme.py").write_text(SUITE)
    run = run_pytest(tests, "-q", PYTHONPATH=str(installed))
    counted = outcomes(run)
    assert set(counted) == {"passed"}, run.stdout
    assert counted["passed"] > 300


def test_a_driver_that_breaks_the_contract_fails_there(tmp_path: Path) -> None:
    forgetful = ACME + "\n    async def promote(self, limit: int):\n        return None\n"
    installed = distribution_in(tmp_path / "site", "acme", forgetful, "acme = acme:AcmeDriver", "acme-queue")
    tests = tmp_path / "project"
    tests.mkdir()
    (tests / "test_acme.py").write_text(SUITE)
    run = run_pytest(tests, "-q", "-k", "promotion_is or promotion_tells", PYTHONPATH=str(installed))
    assert outcomes(run).get("failed", 0) > 0, run.stdout


def test_it_is_loaded_for_its_own_scheme_only(install: Install) -> None:
    install("acme_broken", "raise RuntimeError('imported')", "acme = acme_broken:Driver")
    Queue("memory://")
    Queue("sqlite:///x.db")
    with pytest.raises(ConfigurationError, match=r"no driver for a URL that starts with 'ftp'; there are .*, acme://"):
        Queue("ftp://there")
    assert "acme_broken" not in sys.modules


def test_those_of_aioqueue_cannot_be_replaced(install: Install) -> None:
    install("acme_taken", "raise RuntimeError('imported')", "memory = acme_taken:Driver")
    assert "MemoryDriver" in repr(Queue("memory://"))


NOT_A_DRIVER = "class Driver:\n    def __init__(self, url, queue): ...\n    def close(self): ...\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("raise RuntimeError('no licence\\nfound')", r"RuntimeError: no licence found"),
        ("import nonexistent_client", r"ModuleNotFoundError: No module named 'nonexistent_client'"),
        ("", r"AttributeError: module 'acme_broken' has no attribute 'Driver'"),
        ("Driver = 3", r"TypeError: 'int' object is not callable"),
        ("def Driver(url, queue): raise ValueError", r"ValueError"),
        ("def Driver(url, queue): return None", r"it made NoneType, which has no open, close, clone"),
        (NOT_A_DRIVER, r"it made Driver, which has no open, clone, enqueue"),
        ("def Driver(url): ...", r"TypeError: Driver\(\) takes 1 positional argument but 2 were given"),
    ],
    ids=["raises", "no client", "no such name", "not callable", "empty error", "None", "half", "other signature"],
)
def test_one_that_is_broken_gives_one_clear_line(install: Install, text: str, said: str) -> None:
    install("acme_broken", text, "acme = acme_broken:Driver", distribution="acme-queue")
    head = r"the driver for acme:// URLs, acme_broken:Driver of acme-queue, does not work: "
    with pytest.raises(ConfigurationError, match=f"^{head}{said}$") as refused:
        Queue("acme://somewhere")
    assert "\n" not in str(refused.value)


def test_what_it_says_of_its_url_is_passed_on(install: Install) -> None:
    picky = (
        "from aioqueue import ConfigurationError\n"
        "def Driver(url, queue):\n    raise ConfigurationError('acme:// takes a port')\n"
    )
    install("acme_picky", picky, "acme = acme_picky:Driver")
    with pytest.raises(ConfigurationError, match=r"^acme:// takes a port$"):
        Queue("acme://somewhere")


def test_two_for_one_scheme_are_refused(install: Install) -> None:
    install("acme_one", ACME, "acme = acme_one:AcmeDriver")
    install("acme_two", ACME, "acme = acme_two:AcmeDriver")
    said = r"two drivers are installed for acme:// URLs: acme_one:AcmeDriver of acme_one and acme_two:AcmeDriver of"
    with pytest.raises(ConfigurationError, match=said):
        Queue("acme://somewhere")


def test_the_command_knows_it_too(tmp_path: Path) -> None:
    folder = distribution_in(tmp_path / "site", "acme", ACME, "acme = acme:AcmeDriver", "acme-queue")
    command = [sys.executable, "-P", "-m", "aioqueue", "status", "--url", "acme://there", "--json"]
    environment = {"PYTHONPATH": str(folder), "PATH": "/usr/bin:/bin"}
    run = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
