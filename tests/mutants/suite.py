"""Runs part of the suite against a copy of the package."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
PATIENCE: Final = 600.0

_PYTEST: Final = (sys.executable, "-P", "-m", "pytest", "-x", "-p", "no:cacheprovider", "--tb=line", "-o", "addopts=")
_OPTIONS: Final = ("--strict-markers", "--import-mode=importlib", "-rfE")
_CAUGHT: Final = re.compile(r"^(?:FAILED|ERROR) (tests/.+?)(?: - |$)", re.MULTILINE)
_FAILED: Final = 1


class SuiteBroken(Exception):
    """Pytest could not be run as meant; the message is what it printed last."""


@dataclass(frozen=True)
class Copy:
    """A copy of aioqueue/ that goes before any other on the path of Python."""

    directory: Path

    @property
    def package(self) -> Path:
        """Where the copy is."""
        return self.directory / "aioqueue"

    def catches(self, selection: str) -> str | None:
        """Run some tests, which end with the first that fails; return which one that was.

        A run that does not end has failed, too. Raises SuiteBroken for one that has not tested this copy.
        """
        with tempfile.TemporaryDirectory(prefix="aioqueue-mutant-") as scratch:
            code, printed = self._run([*_PYTEST, *_OPTIONS, *shlex.split(selection)], Path(scratch))
        if code is None:
            return f"{shlex.split(selection)[0]} (it hung)"
        if f"aioqueue: {self.package}" not in printed or code not in (0, _FAILED):
            raise SuiteBroken(f"{selection}: pytest ended with {code}\n{printed[-2_000:]}")
        return (_CAUGHT.findall(printed) or [selection])[0] if code else None

    def _run(self, arguments: list[str], scratch: Path) -> tuple[int | None, str]:
        """Return pytest's exit code, None if it did not end, and what it printed."""
        log = scratch / "log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [*arguments, f"--basetemp={scratch}/pytest"],
                cwd=ROOT,
                env={**os.environ, "PYTHONPATH": str(self.directory), "AIOQUEUE_TESTS_WANT": ""},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            code = _end_of(process)
        return code, log.read_text(errors="replace")


def _end_of(process: subprocess.Popen[bytes]) -> int | None:
    """Wait for pytest; None if it did not end, and was killed with all that it had started."""
    try:
        return process.wait(PATIENCE)
    except BaseException as error:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        if isinstance(error, subprocess.TimeoutExpired):
            return None
        raise
