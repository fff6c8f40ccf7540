"""The clean-up, at its slot: the store's clock is moved there."""

import os
import time
from pathlib import Path

import pytest

import cleanup
from aioqueue.testing.clock import Clocks
from aioqueue.testing.swapping import Swap
from aioqueue.testing.workers import Workers


async def test_old_files_go_and_new_ones_stay(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    aioqueue_memory: Swap,
    aioqueue_clock: Clocks,
    aioqueue_worker: Workers,
) -> None:
    write(tmp_path / "new", age=0)
    write(tmp_path / "old", age=cleanup.KEPT + 1)
    monkeypatch.setenv("REPORTS_FOLDER", str(tmp_path))
    monkeypatch.setenv("THUMBNAILS_FOLDER", str(tmp_path / "never made"))

    aioqueue_memory(cleanup.queue)
    await aioqueue_clock(cleanup.queue).advance_to_slot(cleanup.clean_up)
    await aioqueue_worker(cleanup.queue).drain(raise_errors=True)

    assert names_in(tmp_path) == ["new"]


def test_what_is_gone_already_does_not_end_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another clean-up, or whoever uses the files, may remove one between any two looks."""
    look = Path.stat

    def look_and_lose(path: Path, *, follow_symlinks: bool = True) -> os.stat_result:
        found = look(path, follow_symlinks=follow_symlinks)
        if path.name == "taken":
            path.unlink()
        return found

    for name in ("one", "taken", "two"):
        write(tmp_path / name, age=2)
    (tmp_path / "leads nowhere").symlink_to(tmp_path / "nowhere")
    monkeypatch.setattr(Path, "stat", look_and_lose)
    assert cleanup.remove_old(tmp_path, before=time.time() - 1) == 2
    assert names_in(tmp_path) == ["leads nowhere"]


def write(path: Path, age: float) -> None:
    path.touch()
    written = time.time() - age
    os.utime(path, (written, written))


def names_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]
