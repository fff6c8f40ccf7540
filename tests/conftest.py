"""What every test may ask for, and the check that the right aioqueue is under test."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

# At the end, so that an installed aioqueue goes before the checkout. Processes started by anyio inherit it and can
# import the tests' own tasks.
sys.path.append(str(ROOT))


def pytest_configure(config: pytest.Config) -> None:
    """Refuse to run on the checkout where the installed package is meant, as in nox."""
    import aioqueue

    _hear_signals_as_usual()
    if os.environ.get("AIOQUEUE_TESTS_WANT") == "installed" and ROOT / "aioqueue" in Path(aioqueue.__file__).parents:
        raise pytest.UsageError(f"{aioqueue.__file__} is the checkout; the installed package is to be tested")


def _hear_signals_as_usual() -> None:
    """Undo what the processes of the tests would inherit: nohup ignores SIGHUP, a shell's background jobs SIGINT."""
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_report_header() -> str:
    """Name the aioqueue under test."""
    import aioqueue

    return f"aioqueue: {Path(aioqueue.__file__).parent}"


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """The URL of a real server, one for each xdist worker: tests that share it take queue names of their own.

    It ends blocking calls in time to 10 ms, not to 100 ms as by default: many tests let short waits run out.
    With `AIOQUEUE_TESTS_ACL=1` it logs in with the rights that docs/operate.md names, and no more.
    """
    from tests.acl import as_minimal_user
    from tests.servers import redis_server

    with redis_server(hz=100) as server:
        yield as_minimal_user(server.url) if os.environ.get("AIOQUEUE_TESTS_ACL") else server.url
