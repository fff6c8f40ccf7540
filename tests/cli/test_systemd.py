"""What systemd is told, on a socket as it would make it."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from aioqueue.cli.running.systemd import Systemd, systemd_asking
from tests.cli.apps import App, waiting
from tests.cli.processes import Commands


class Listener:
    """The end that systemd has: every fact that was told."""

    def __init__(self, address: str) -> None:
        self.told: list[str] = []
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(address)

    def wait_for(self, fact: str, seconds: float = 20) -> None:
        """Return when a fact that begins like this has been told since the last time."""
        self._socket.settimeout(seconds)
        while True:
            facts = self._socket.recv(4096).decode().split("\n")
            self.told += facts
            if any(told.startswith(fact) for told in facts):
                return

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def listener(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Listener]:
    monkeypatch.chdir(tmp_path)  # an address takes a hundred bytes at most
    listener = Listener("notify")
    yield listener
    listener.close()


def asking(tmp_path: Path, **more: str) -> dict[str, str]:
    # In a short directory of its own: a socket's path may have 107 bytes.
    return {"NOTIFY_SOCKET": str(tmp_path / "notify"), **more}


@pytest.mark.asyncio
@pytest.mark.parametrize("options", [(), ("-w", "2")], ids=["alone", "supervised"])
async def test_the_life_of_a_service(
    sqlite_app: App, commands: Commands, tmp_path: Path, listener: Listener, options: tuple[str, ...]
) -> None:
    command = commands("-m", "aioqueue", "worker", "app:queue", *options, **asking(tmp_path, WATCHDOG_USEC="400000"))
    await asyncio.to_thread(listener.wait_for, "READY=1")
    command.wait_for("ready:", 1, times=2 if options else 1)
    for _ in range(3):
        await asyncio.to_thread(listener.wait_for, "WATCHDOG=1", 2)
    if options:
        assert "STATUS=2 of 2 workers ready" in listener.told
    command.signal(signal.SIGHUP)
    await asyncio.to_thread(listener.wait_for, "RELOADING=1")
    assert any(told.startswith("MONOTONIC_USEC=") for told in listener.told)
    await asyncio.to_thread(listener.wait_for, "READY=1")
    command.signal(signal.SIGTERM)
    await asyncio.to_thread(listener.wait_for, "STOPPING=1")
    assert await asyncio.to_thread(command.code) == 0


@pytest.mark.asyncio
async def test_a_blocked_loop_gives_no_sign_of_life(
    sqlite_app: App, commands: Commands, tmp_path: Path, listener: Listener
) -> None:
    commands("-m", "aioqueue", "worker", "app:queue", **asking(tmp_path, WATCHDOG_USEC="200000"))
    await asyncio.to_thread(listener.wait_for, "READY=1")
    async with sqlite_app.queue:
        await sqlite_app.blocks_once(str(tmp_path / "seen"))
        with pytest.raises(TimeoutError):
            for _ in range(100):
                await asyncio.to_thread(listener.wait_for, "WATCHDOG=1", 1)


@pytest.mark.asyncio
async def test_a_supervisor_that_is_stopped_while_it_starts_anew_is_not_ready_again(
    sqlite_app: App, commands: Commands, tmp_path: Path, listener: Listener
) -> None:
    command = commands("-m", "aioqueue", "worker", "app:queue", "-w", "2", **asking(tmp_path))
    await asyncio.to_thread(listener.wait_for, "READY=1")
    sqlite_app.file.write_text(sqlite_app.file.read_text() + "\ntime.sleep(60)\n")
    command.signal(signal.SIGHUP)
    await waiting(command, "started", times=3)
    command.signal(signal.SIGTERM)
    assert await asyncio.to_thread(command.code) == 0
    with pytest.raises(TimeoutError):
        await asyncio.to_thread(listener.wait_for, "no such fact", 0.5)
    assert "READY=1" not in listener.told[listener.told.index("STOPPING=1") :]


def test_only_the_process_that_is_asked_answers_and_its_children_are_not() -> None:
    environment = {"NOTIFY_SOCKET": "/run/notify", "WATCHDOG_USEC": "1000", "WATCHDOG_PID": "1", "HOME": "/"}
    systemd = systemd_asking(environment)
    assert systemd == Systemd("/run/notify", 0.0), "the watchdog is for another process"
    assert environment == {"HOME": "/"}
    assert systemd_asking({"NOTIFY_SOCKET": "/n", "WATCHDOG_USEC": "2000000", "WATCHDOG_PID": str(os.getpid())}) == (
        Systemd("/n", 2.0)
    )
    assert systemd_asking({}) == Systemd()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has abstract sockets")
def test_an_abstract_socket(tmp_path: Path) -> None:
    listener = Listener(f"\0aioqueue-{tmp_path.name}-{os.getpid()}")
    try:
        Systemd(f"@aioqueue-{tmp_path.name}-{os.getpid()}").tell("READY=1", "STATUS=on")
        listener.wait_for("READY=1", 1)
        assert listener.told == ["READY=1", "STATUS=on"]
    finally:
        listener.close()


def test_nobody_listening_is_no_fault(tmp_path: Path) -> None:
    Systemd(str(tmp_path / "nobody")).tell("READY=1")
    Systemd("@nobody-at-all").tell("READY=1")
    Systemd().tell("READY=1")
