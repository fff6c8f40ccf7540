"""The clean-up as a worker of its own does it, on each store that a process can share."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.examples.running import EXAMPLES, PATIENCE, environment_of, running_worker

ASK = """
import asyncio, cleanup

async def main():
    async with cleanup.queue:
        async for event in (await cleanup.clean_up()).events():
            print(event.status)

asyncio.run(main())
"""


@pytest.mark.parametrize("store", ["sqlite", "redis"])
def test_old_files_go_and_new_ones_stay(store: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    url = f"sqlite:///{tmp_path / 'store.db'}" if store == "sqlite" else request.getfixturevalue("redis_url")
    folders = {"REPORTS_FOLDER": str(tmp_path / "uploads"), "THUMBNAILS_FOLDER": str(tmp_path / "images")}
    for folder in map(Path, folders.values()):
        folder.mkdir()
        for name, age in (("old", 25 * 3_600), ("older", 99 * 3_600), ("new", 23 * 3_600)):
            (folder / name).touch()
            os.utime(folder / name, (time.time() - age,) * 2)
    with running_worker("cleanup:queue", url, EXAMPLES, **folders):
        asked = subprocess.run(
            [sys.executable, "-P", "-c", ASK],
            env=environment_of(AIOQUEUE_URL=url, PYTHONPATH=str(EXAMPLES)),
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
    assert (asked.stdout.splitlines()[-1:], asked.stderr) == (["finished"], "")
    assert [path.name for folder in folders.values() for path in Path(folder).iterdir()] == ["new", "new"]
