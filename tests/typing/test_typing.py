"""Mypy (strict) and pyright, run as an application would run them on the installed package."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import pytest

HERE = Path(__file__).parent
SOURCES = ("uses.py", "wrong.py")


class Refusal(NamedTuple):
    file: str
    line: int
    message: str


Checker: TypeAlias = Callable[[Path], list[Refusal]]


def run(folder: Path, *arguments: str) -> str:
    finished = subprocess.run([sys.executable, *arguments], cwd=folder, capture_output=True, text=True, check=False)
    assert finished.returncode in (0, 1), finished.stdout + finished.stderr
    return finished.stdout


def mypy(folder: Path) -> list[Refusal]:
    output = run(folder, "-m", "mypy", "--strict", "--python-version=3.11", "--output=json", *SOURCES)
    found: list[dict[str, Any]] = [json.loads(line) for line in output.splitlines()]
    return [Refusal(one["file"], one["line"], one["message"]) for one in found if one["severity"] == "error"]


def pyright(folder: Path) -> list[Refusal]:
    output = run(folder, "-m", "pyright", "--pythonversion=3.11", f"--pythonpath={sys.executable}", "--outputjson")
    found: list[dict[str, Any]] = json.loads(output)["generalDiagnostics"]
    return [
        Refusal(Path(one["file"]).name, one["range"]["start"]["line"] + 1, one["message"])
        for one in found
        if one["severity"] == "error"
    ]


@pytest.fixture(scope="module", params=[mypy, pyright], ids=["mypy", "pyright"])
def refusals(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> list[Refusal]:
    """What a checker refuses in a folder outside the checkout: there `aioqueue` can only be the installed one."""
    folder = tmp_path_factory.mktemp("application")
    for name in SOURCES:
        shutil.copy(HERE / name, folder)
    checker: Checker = request.param
    return checker(folder)


def marked_lines(name: str) -> dict[int, str]:
    lines = (HERE / name).read_text().splitlines()
    return {number: line.strip() for number, line in enumerate(lines, 1) if re.search(r"  # E\d+", line)}


def test_right_uses_are_accepted(refusals: list[Refusal]) -> None:
    assert [one for one in refusals if one.file == "uses.py"] == []


def test_the_marked_lines_are_refused_and_no_others(refusals: list[Refusal]) -> None:
    refused = {one.line: one.message for one in refusals if one.file == "wrong.py"}
    assert sorted(refused) == sorted(marked_lines("wrong.py")), refused
