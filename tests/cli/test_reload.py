"""`--reload`: fresh code as soon as it is written."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

import pytest

from tests.cli.apps import App, waiting
from tests.cli.processes import Commands


@pytest.mark.asyncio
async def test_changed_code_is_taken_and_broken_code_is_not(
    sqlite_app: App, commands: Commands, tmp_path: Path
) -> None:
    async with sqlite_app.queue:
        command = commands("-m", "aioqueue", "worker", "app:queue", "--reload")
        await waiting(command, "ready:")
        await waiting(command, "watching")
        assert await (await sqlite_app.version()).get(timeout=10) == 1
        running = await sqlite_app.until(str(tmp_path / "go"))
        await waiting(command, "began")
        source = sqlite_app.file.read_text()
        sqlite_app.file.write_text(source + "\nVERSION = 22\n")
        await waiting(command, "changed: app.py")
        await waiting(command, "running, for up to")
        (tmp_path / "go").touch()
        assert await running.get(timeout=10) == command.workers()[1][0]
        await waiting(command, "all workers run fresh code")
        assert await (await sqlite_app.version()).get(timeout=10) == 22

        sqlite_app.file.write_text("def broken(:\n")
        await waiting(command, "the code they have")
        assert await (await sqlite_app.version()).get(timeout=10) == 22

        sqlite_app.file.write_text(source + "\nVERSION = 333\n")
        await waiting(command, "all workers run fresh code", times=2)
        assert await (await sqlite_app.version()).get(timeout=10) == 333
        command.signal(signal.SIGTERM)
        assert await asyncio.to_thread(command.code) == 0


def test_it_says_what_to_install(sqlite_app: App, commands: Commands, tmp_path: Path) -> None:
    (tmp_path / "without.py").write_text(
        "import sys\nsys.modules['watchfiles'] = None\nfrom aioqueue.cli.entry import main\nmain()\n"
    )
    command = commands("without.py", "worker", "app:queue", "--reload")
    assert command.code() == 1
    assert command.output.splitlines()[-1] == "Error: --reload needs watchfiles: pip install 'aioqueue[reload]'"
