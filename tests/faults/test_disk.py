"""One disk keeps what was synced and loses the rest; the other one has no room."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.disk import PoweredDisk, SmallDisk, powered_disk, small_disk

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs seccomp filters")


@pytest.fixture(name="disk")
def the_disk() -> Iterator[PoweredDisk]:
    with powered_disk() as made:
        yield made


def do(disk: PoweredDisk | SmallDisk, program: str, *arguments: Path) -> None:
    command = [sys.executable, "-I", "-c", f"import os, sys\n{program}", *map(str, arguments)]
    subprocess.run([*disk.launcher, *command], check=True, timeout=20)


@pytest.mark.parametrize("sync", ["fsync", "fdatasync"])
def test_what_was_written_after_the_last_sync_is_lost(disk: PoweredDisk, tmp_path: Path, sync: str) -> None:
    path = tmp_path / "file"
    program = f"""
file = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT)
os.write(file, b"first ")
os.{sync}(file)
os.write(file, b"second ")
os.{sync}(file)
os.write(file, b"third")
"""
    do(disk, program, path)
    assert path.read_text() == "first second third"
    disk.lose_power(tmp_path)
    assert path.read_text() == "first second "
    assert disk.syncs == 2


def test_what_has_survived_once_survives_again(disk: PoweredDisk, tmp_path: Path) -> None:
    path = tmp_path / "file"
    do(disk, "file = open(sys.argv[1], 'w'); file.write('synced'); file.flush(); os.fsync(file)", path)
    disk.lose_power(tmp_path)
    do(disk, "open(sys.argv[1], 'a').write(' and not synced')", path)
    disk.lose_power(tmp_path)
    assert path.read_text() == "synced"


def test_a_sync_takes_in_what_other_processes_wrote(disk: PoweredDisk, tmp_path: Path) -> None:
    path = tmp_path / "file"
    do(disk, "open(sys.argv[1], 'w').write('theirs ')", path)
    do(disk, "file = open(sys.argv[1], 'a'); file.write('own'); file.flush(); os.fsync(file)", path)
    disk.lose_power(tmp_path)
    assert path.read_text() == "theirs own"


def test_what_was_cut_off_and_not_synced_is_there_again(disk: PoweredDisk, tmp_path: Path) -> None:
    path = tmp_path / "file"
    do(disk, "file = open(sys.argv[1], 'w'); file.write('long'); file.flush(); os.fsync(file); file.truncate(1)", path)
    disk.lose_power(tmp_path)
    assert path.read_text() == "long"


def test_a_file_that_was_never_synced_is_empty(disk: PoweredDisk, tmp_path: Path) -> None:
    path = tmp_path / "folder" / "file"
    path.parent.mkdir()
    do(disk, "open(sys.argv[1], 'w').write('short-lived')", path)
    disk.lose_power(tmp_path)
    assert path.read_text() == ""


def test_a_file_takes_what_was_synced_along_when_it_is_renamed(disk: PoweredDisk, tmp_path: Path) -> None:
    program = """
file = open(sys.argv[1], "w")
file.write("synced"); file.flush(); os.fsync(file)
os.rename(sys.argv[1], sys.argv[2])
file.write(" and not synced"); file.flush()
open(sys.argv[1], "w").write("another file")
"""
    do(disk, program, tmp_path / "old", tmp_path / "new")
    disk.lose_power(tmp_path)
    assert (tmp_path / "new").read_text() == "synced"
    assert (tmp_path / "old").read_text() == ""


def test_threads_and_children_are_watched_too(disk: PoweredDisk, tmp_path: Path) -> None:
    program = """
import threading
def sync(path):
    file = open(path, "w"); file.write("synced"); file.flush(); os.fsync(file)
thread = threading.Thread(target=sync, args=sys.argv[1:2]); thread.start(); thread.join()
if os.fork() == 0:
    sync(sys.argv[2]); os._exit(0)
os.wait()
"""
    do(disk, program, tmp_path / "thread", tmp_path / "child")
    disk.lose_power(tmp_path)
    assert (tmp_path / "thread").read_text() == (tmp_path / "child").read_text() == "synced"


def test_a_full_disk_lets_no_file_grow(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    program = """
file = os.open(sys.argv[1], os.O_WRONLY)
os.pwrite(file, b"new", 0)
try:
    os.pwrite(file, b"newer", 0)
except OSError as error:
    print(error.strerror)
"""
    with small_disk() as disk:
        disk.is_full = True
        do(disk, program, path)
        assert path.read_bytes() == b"new"
        disk.is_full = False
        do(disk, program, path)
        assert path.read_bytes() == b"newer"
