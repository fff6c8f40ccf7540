"""The commands of a page, run in one folder as its reader would type them, and what they print."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Final, NamedTuple, Self

from tests.docs.pages import Block
from tests.examples.running import WATCHED_IN_VAIN

PATIENCE: Final = 60
ADDRESS: Final = "localhost:8000"  # what pages say; a server in a test listens where there is room
_RUNNING: Final = re.compile(r"running on http://(127\.0\.0\.1:\d+)")
# Python's programs run as modules of the Python that runs the tests. -P: no folder hides the package that is tested.
_PROGRAMS: Final = {
    "python": [],
    "aioqueue": ["-m", "aioqueue"],
    "pytest": ["-m", "pytest", "-p", "no:cacheprovider"],
    "uvicorn": ["-m", "uvicorn"],
}
_STAYING: Final = ("aioqueue worker", "uvicorn")
_SERVING: Final = ("uvicorn",)


class Command(NamedTuple):
    """What stands behind `$`, and what stands below it."""

    line: str
    shown: str


def commands_of(block: Block) -> list[Command]:
    """Return the commands of a console block."""
    _, *parts = re.split(r"^\$ (.*)\n", block.text, flags=re.MULTILINE)
    return [Command(line, shown) for line, shown in zip(parts[::2], parts[1::2], strict=True)]


def says(shown: str, printed: str) -> bool:
    """Tell whether this was printed; `...` stands for anything in a line, and alone in a line for any lines."""
    lines = (r"(?:.*\n)*" if line.strip() == "..." else _pattern(line) for line in shown.splitlines())
    return re.fullmatch("".join(lines), "".join(f"{line.rstrip()}\n" for line in printed.splitlines())) is not None


def _pattern(line: str) -> str:
    return ".*".join(map(re.escape, line.rstrip().split("..."))) + r"\n"


class Console:
    """One terminal: a folder, an environment, and what was left running in others beside it."""

    def __init__(self, folder: Path, redis_url: str) -> None:
        self._folder = folder
        self._redis_url = redis_url
        self._address = ADDRESS
        inherited = {name: value for name, value in os.environ.items() if name != "AIOQUEUE_URL"}
        path = os.pathsep.join([str(folder), *filter(None, [os.environ.get("PYTHONPATH")])])
        self._environment = {**inherited, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONUNBUFFERED": "1"}
        self._staying: list[subprocess.Popen[str]] = []
        self._leaving = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        with self._leaving:
            if kind is None:
                self.stop()

    def play(self, command: Command) -> None:
        """Run one command, and fail unless it prints what the page shows."""
        name, _, rest = command.line.partition(" ")
        if name == "export":
            variable, _, value = rest.partition("=")
            self.stop()  # those beside it were started without
            self._environment[variable] = self._here(value)
        elif name == "curl":
            self._compare(command, self._curl(shlex.split(rest)))
        elif command.line.startswith(_STAYING):
            self._start(command)
        else:
            self._compare(command, self._run(command))

    def stop(self) -> None:
        """Interrupt what was left running; it must end in order."""
        for process in self._staying:
            process.send_signal(signal.SIGINT)
        for process in self._staying:
            said, _ = process.communicate(timeout=PATIENCE)
            assert process.returncode in (0, -signal.SIGINT), said
            assert "Traceback" not in said, said
        self._staying.clear()

    def _run(self, command: Command) -> str:
        return subprocess.run(
            self._words(command.line),
            cwd=self._folder,
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=PATIENCE,
            check=False,
        ).stdout

    def _start(self, command: Command) -> None:
        words = self._words(command.line)
        is_server = command.line.startswith(_SERVING)
        process = subprocess.Popen(
            [*words, "--port", "0"] if is_server else words,
            cwd=self._folder,
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._leaving.callback(_end, process)
        self._staying.append(process)
        if is_server:
            self._address = _address_of(process)

    def _words(self, line: str) -> list[str]:
        name, *arguments = shlex.split(self._here(line))
        return [sys.executable, "-P", *_PROGRAMS[name], *arguments]

    def _here(self, text: str) -> str:
        return text.replace("redis://localhost", self._redis_url).replace(ADDRESS, self._address)

    def _curl(self, words: list[str]) -> str:
        """Do what curl does with an address, `-i` and `-X METHOD`: not every machine has it."""
        address = next(word for word in words if ":" in word)
        method = words[words.index("-X") + 1] if "-X" in words else "GET"
        request = urllib.request.Request(f"http://{self._here(address)}", method=method)
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as response:
                return str(response.read().decode()) + "\n"
        except urllib.error.HTTPError as error:
            with error:
                return error.read().decode() + "\n"

    def _compare(self, command: Command, printed: str) -> None:
        printed = WATCHED_IN_VAIN.sub("", printed.replace(self._address, ADDRESS))
        assert says(command.shown, printed), f"$ {command.line}\n{printed}\n--- the page shows\n{command.shown}"


def _end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.wait()
    if process.stdout is not None:
        process.stdout.close()


def _address_of(process: subprocess.Popen[str]) -> str:
    """Return where a server listens, as soon as it says so."""
    said: list[str] = []
    assert process.stdout is not None
    for line in process.stdout:
        said.append(line)
        if found := _RUNNING.search(line):
            return found[1]
    raise AssertionError("".join(said))
