"""`rediss://` talks to the server that its certificate names, and to no other."""

from __future__ import annotations

import asyncio
import datetime as dt
import ssl
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import trustme

from aioqueue import Queue, StoreUnavailable
from tests.cli.processes import ROOT
from tests.security.tls import tls_front

pytestmark = pytest.mark.asyncio

LONG_AGO = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)


class Authority:
    """Signs certificates of servers; `file` is what a client trusts."""

    def __init__(self, directory: Path) -> None:
        self._ca = trustme.CA()
        self.file = directory / "authority.pem"
        self._ca.cert_pem.write_to_path(str(self.file))

    def server(self, name: str, expires: dt.datetime | None = None) -> ssl.SSLContext:
        """Return what a server of that name shows."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._ca.issue_cert(name, not_after=expires).configure_cert(context)
        return context


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def stranger(tmp_path: Path) -> Authority:
    (tmp_path / "stranger").mkdir()
    return Authority(tmp_path / "stranger")


def self_signed(directory: Path) -> ssl.SSLContext:
    """Return what a server shows that vouches for itself."""
    ca = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.private_key_pem.write_to_path(str(directory / "key.pem"))
    ca.cert_pem.write_to_path(str(directory / "cert.pem"))
    context.load_cert_chain(directory / "cert.pem", directory / "key.pem")
    return context


async def test_a_server_of_a_trusted_authority_is_talked_to(redis_url: str, authority: Authority) -> None:
    async with tls_front(redis_url, authority.server("127.0.0.1")) as port:
        queue = Queue(f"rediss://127.0.0.1:{port}?ssl_ca_certs={authority.file}", name="tls")

        @queue.task
        async def add(a: int, b: int) -> int:
            return a + b

        async with queue, queue.worker(), asyncio.timeout(20):
            assert await add.call(1, 2) == 3
            assert await add.options(delay=0.01).call(1, 2) == 3


REFUSED: dict[str, Callable[[Authority, Authority, Path], ssl.SSLContext]] = {
    "unknown authority": lambda good, evil, directory: evil.server("127.0.0.1"),
    "wrong name": lambda good, evil, directory: good.server("redis.example"),
    "expired": lambda good, evil, directory: good.server("127.0.0.1", LONG_AGO),
    "self-signed": lambda good, evil, directory: self_signed(directory),
}


@pytest.mark.parametrize("make", REFUSED.values(), ids=REFUSED)
async def test_any_other_server_is_refused_in_one_line(
    redis_url: str, authority: Authority, stranger: Authority, tmp_path: Path, make: Callable[..., ssl.SSLContext]
) -> None:
    async with tls_front(redis_url, make(authority, stranger, tmp_path)) as port:
        queue = Queue(f"rediss://user:hunter2@127.0.0.1:{port}?ssl_ca_certs={authority.file}")
        with pytest.raises(StoreUnavailable, match=r"(?i)certificate verify failed") as refused:
            await queue.counts()
        said = str(refused.value)
        assert f"rediss://127.0.0.1:{port}" in said and "hunter2" not in said and "\n" not in said
        await queue.close()


async def test_without_an_authority_of_its_own_that_of_the_system_is_asked(
    redis_url: str, authority: Authority
) -> None:
    async with tls_front(redis_url, authority.server("127.0.0.1")) as port:
        queue = Queue(f"rediss://127.0.0.1:{port}")
        with pytest.raises(StoreUnavailable, match=r"(?i)certificate verify failed"):
            await queue.counts()
        await queue.close()


@pytest.mark.parametrize("command", [["check"], ["status", "--json"]], ids=" ".join)
async def test_a_command_ends_with_one_line_and_its_exit_code(
    redis_url: str, authority: Authority, stranger: Authority, command: list[str]
) -> None:
    async with tls_front(redis_url, stranger.server("127.0.0.1")) as port:
        url = f"rediss://user:hunter2@127.0.0.1:{port}?ssl_ca_certs={authority.file}"
        code, said = await run(*command, "--url", url, "--queue", "tls")
    assert code == {"check": 1, "status": 3}[command[0]]
    assert "certificate verify failed" in said.lower()
    assert "Traceback" not in said and "hunter2" not in said and len(said.strip().splitlines()) == 1


async def test_a_worker_that_meets_the_wrong_server_at_its_start_ends_with_3(
    redis_url: str, authority: Authority, stranger: Authority, tmp_path: Path
) -> None:
    async with tls_front(redis_url, stranger.server("127.0.0.1")) as port:
        url = f"rediss://user:hunter2@127.0.0.1:{port}?ssl_ca_certs={authority.file}"
        (tmp_path / "app.py").write_text(f"from aioqueue import Queue\nqueue = Queue({url!r})\n")
        code, said = await run("worker", "app:queue", directory=tmp_path)
    assert code == 3
    assert "certificate verify failed" in said.lower()
    assert "Traceback" not in said and "hunter2" not in said


async def run(*arguments: str, directory: Path | None = None) -> tuple[int, str]:
    """Run a command on this loop, which serves the TLS front; return its exit code and what it said."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "aioqueue",
        *arguments,
        cwd=directory,
        env={"PYTHONPATH": ROOT, "PATH": ""},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(30):
        said, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, said.decode()
