"""A pidfile that is held by a lock: real processes that hold it, die with it, fork and begin anew."""

from __future__ import annotations

import fcntl
import os
import re
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from aioqueue.cli.pidfile import PidFile, PidFileLocked, PidFileUnusable, holder, left_behind
from tests.cli.processes import Command, Commands

HOLDS = """
import signal, sys
from aioqueue.cli.pidfile import PidFile
pidfile = PidFile(sys.argv[1])
signal.signal(signal.SIGTERM, lambda *_: (pidfile.release(), print("released", flush=True), sys.exit(0)))
pidfile.acquire()
print("held", flush=True)
signal.pause()
"""
FORKS = """
import os, signal, sys
from aioqueue.cli.pidfile import PidFile
PidFile(sys.argv[1]).acquire()
child = os.fork()
if child == 0:
    print("forked", os.getpid(), "here", flush=True)
signal.pause()
"""
BEGINS_ANEW = """
import os, signal, sys
from aioqueue.cli.pidfile import PidFile
pidfile = PidFile(sys.argv[1])
pidfile.acquire()
signal.signal(signal.SIGTERM, lambda *_: (pidfile.release(), sys.exit(0)))
print("life", len(sys.argv), flush=True)
if len(sys.argv) < 5:
    pidfile.keep_over_exec()
    os.execv(sys.executable, [sys.executable, *sys.argv, "more"])
assert "AIOQUEUE_HELD_PIDFILE" not in os.environ
signal.pause()
"""
RACES = """
import signal, sys
from aioqueue.cli.pidfile import PidFile, PidFileLocked
try:
    PidFile(sys.argv[1]).acquire()
except PidFileLocked as error:
    sys.exit("result: refused")
print("result: held", flush=True)
signal.pause()
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "worker.pid"


@pytest.fixture
def pidfile(path: Path) -> Iterator[PidFile]:
    pidfile = PidFile(path)
    yield pidfile
    pidfile.release()


def run(commands: Commands, source: str, path: Path, says: str) -> Command:
    command = commands("-c", source, str(path))
    command.wait_for(says)
    return command


# ---------------------------------------------------------------- holding it
def test_it_is_held_until_it_is_released(path: Path, pidfile: PidFile) -> None:
    assert holder(path) is None
    pidfile.acquire()
    pidfile.acquire()
    assert path.read_text() == f"{os.getpid()}\n"
    assert holder(path) == os.getpid()
    pidfile.release()
    pidfile.release()
    assert holder(path) is None
    assert not path.exists()
    pidfile.acquire()
    assert holder(path) == os.getpid()


def test_one_process_holds_it_and_the_next_is_told_which(path: Path, commands: Commands, pidfile: PidFile) -> None:
    command = run(commands, HOLDS, path, "held")
    assert holder(path) == command.process.pid
    with pytest.raises(PidFileLocked, match=rf"{re.escape(str(path))} is held by process {command.process.pid}:") as no:
        pidfile.acquire()
    assert (no.value.path, no.value.pid) == (str(path), command.process.pid)
    assert path.read_text() == f"{command.process.pid}\n"
    command.signal(signal.SIGTERM)
    assert command.code() == 0
    assert not path.exists()
    pidfile.acquire()


def test_a_killed_process_leaves_a_file_that_stops_nobody(path: Path, commands: Commands, pidfile: PidFile) -> None:
    command = run(commands, HOLDS, path, "held")
    command.signal(signal.SIGKILL)
    command.code()
    assert holder(path) is None
    assert left_behind(path) == command.process.pid
    pidfile.acquire()
    assert holder(path) == os.getpid()


def test_a_file_that_names_a_living_process_stops_nobody(path: Path, pidfile: PidFile) -> None:
    path.write_text(f"{os.getppid()}\n")
    assert holder(path) is None
    pidfile.acquire()
    assert path.read_text() == f"{os.getpid()}\n"


@pytest.mark.parametrize("before", ["", "\n", "1", "99999999\n", " 12 \n"], ids=repr)
def test_what_an_earlier_process_wrote_is_replaced(path: Path, pidfile: PidFile, before: str) -> None:
    path.write_text(before)
    pidfile.acquire()
    assert path.read_text() == f"{os.getpid()}\n"


def test_a_fork_does_not_hold_it(path: Path, commands: Commands, pidfile: PidFile) -> None:
    command = run(commands, FORKS, path, "here")
    said = re.search(r"forked (\d+) here", command.output)
    assert said is not None
    try:
        assert holder(path) == command.process.pid
        command.signal(signal.SIGKILL)
        command.process.wait(20)
        assert holder(path) is None
        pidfile.acquire()
    finally:
        os.kill(int(said[1]), signal.SIGKILL)


def test_it_is_kept_while_a_process_begins_anew(path: Path, commands: Commands) -> None:
    (path.parent / "anew.py").write_text(BEGINS_ANEW)
    command = commands("anew.py", str(path))
    command.wait_for("life 5")
    assert command.output.splitlines() == ["life 2", "life 3", "life 4", "life 5"]
    assert holder(path) == command.process.pid
    command.signal(signal.SIGTERM)
    assert command.code() == 0
    assert not path.exists()


@pytest.mark.parametrize("said", ["0", "99999", "9" * 30, "-1", "x", ""], ids=repr)
def test_a_descriptor_that_is_not_the_files_is_not_taken_for_it(
    path: Path, pidfile: PidFile, monkeypatch: pytest.MonkeyPatch, said: str
) -> None:
    monkeypatch.setenv("AIOQUEUE_HELD_PIDFILE", said)
    pidfile.acquire()
    assert holder(path) == os.getpid()
    os.fstat(0)


def test_of_many_that_start_together_one_gets_it(path: Path, commands: Commands) -> None:
    started = [commands("-c", RACES, str(path)) for _ in range(6)]
    for command in started:
        command.wait_for("result: ")
    (winner,) = [command for command in started if "held" in command.output]
    assert holder(path) == winner.process.pid


def test_probes_do_not_keep_a_worker_from_starting(path: Path, pidfile: PidFile) -> None:
    path.touch()
    with path.open() as looking:
        fcntl.flock(looking, fcntl.LOCK_SH)
        end_of_look = threading.Timer(0.05, fcntl.flock, (looking, fcntl.LOCK_UN))
        end_of_look.start()
        pidfile.acquire()
        end_of_look.join()
    assert holder(path) == os.getpid()


# ---------------------------------------------------------------- a file that others touch
def test_a_file_that_has_taken_its_place_is_left_alone(path: Path, pidfile: PidFile, commands: Commands) -> None:
    pidfile.acquire()
    path.unlink()
    assert holder(path) is None
    command = run(commands, HOLDS, path, "held")
    pidfile.release()
    assert holder(path) == command.process.pid


def test_it_is_the_file_that_is_there_now_which_is_locked(
    path: Path, pidfile: PidFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between opening and locking, the holder of before may remove the file."""
    flock, replaced = fcntl.flock, []

    def replace_first(fd: int, how: int) -> None:
        if not replaced:
            replaced.append(path.unlink())
            path.write_text("1\n")
        flock(fd, how)

    monkeypatch.setattr(fcntl, "flock", replace_first)
    pidfile.acquire()
    assert replaced
    assert path.read_text() == f"{os.getpid()}\n"
    assert holder(path) == os.getpid()


def test_a_lock_without_an_id_is_a_lock(path: Path, pidfile: PidFile) -> None:
    with path.open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        assert holder(path) == 0
        with pytest.raises(PidFileLocked, match="another process"):
            pidfile.acquire()


@pytest.mark.parametrize(
    "content",
    ["print('my program')\n", "12 13", "-5", "1.5", "\x00\x01", "x" * 10_000, "1" * 10_000],
    ids=lambda content: content[:5],
)
def test_what_is_no_pidfile_is_not_overwritten(path: Path, pidfile: PidFile, content: str) -> None:
    path.write_text(content)
    with pytest.raises(PidFileUnusable, match=r"worker\.pid cannot be used: something else"):
        pidfile.acquire()
    assert path.read_text() == content
    assert holder(path) is None


# ---------------------------------------------------------------- what cannot be a pidfile
def directory(path: Path) -> None:
    path.mkdir()


def named_pipe(path: Path) -> None:
    os.mkfifo(path)


def link(path: Path) -> None:
    (path.parent / "target").touch()
    path.symlink_to("target")


def loop(path: Path) -> None:
    path.symlink_to(path.name)


@pytest.mark.parametrize(("make", "reason"), [
    (directory, "irectory"),
    (named_pipe, "no regular file"),
    (link, "symbolic link"),
    (loop, "symbolic link"),
])  # fmt: skip
def test_it_takes_a_regular_file(path: Path, pidfile: PidFile, make: object, reason: str) -> None:
    assert callable(make)
    make(path)
    with pytest.raises(PidFileUnusable, match=rf"pidfile {re.escape(str(path))} cannot be used: .*{reason}"):
        pidfile.acquire()


@pytest.mark.parametrize("make", [directory, named_pipe, loop])
def test_what_cannot_be_looked_at_is_no_answer(path: Path, make: object) -> None:
    assert callable(make)
    make(path)
    with pytest.raises(PidFileUnusable, match="cannot be used"):
        holder(path)
    assert left_behind(path) is None


def test_a_place_that_does_not_exist_is_named(tmp_path: Path) -> None:
    nowhere = tmp_path / "no" / "such" / "worker.pid"
    with pytest.raises(PidFileUnusable, match=rf"{re.escape(str(nowhere))} cannot be used: No such file or directory"):
        PidFile(nowhere).acquire()
    assert holder(nowhere) is None


def test_a_relative_path_means_the_directory_of_the_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    pidfile = PidFile("here.pid")
    monkeypatch.chdir("/")
    pidfile.acquire()
    assert holder(tmp_path / "here.pid") == os.getpid()
    pidfile.release()
    assert list(tmp_path.iterdir()) == []
