"""codestats against a plain loop over the same real files, with its worker inside and outside."""

from __future__ import annotations

import ast
import json
import os
import shutil
import signal
import sysconfig
import warnings
from pathlib import Path
from typing import Any

import pytest

from tests.examples.running import EXAMPLES, interruptible_example, run_example, running_worker

PACKAGES = ("json", "asyncio", "email")
UNREADABLE = {
    "syntax.py": b"def half(:\n",
    "encoding.py": b"name = '\xe9'\n",
    "nul.py": b"a = 1\0\n",
}


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """Some of the standard library, files that cannot be parsed, and what codestats must not count."""
    root = tmp_path / "code"
    for package in PACKAGES:
        shutil.copytree(Path(sysconfig.get_path("stdlib"), package), root / package)
    for name, content in UNREADABLE.items():
        (root / name).write_bytes(content)
    (root / "warns.py").write_text('pattern = "\\d"\nassert (1, "always true")\n')
    (root / "site-packages").mkdir()
    (root / "site-packages" / "installed.py").write_text("def not_ours(): ...\n")
    (root / "notes.txt").write_text("no code\n")
    (root / "gone.py").symlink_to("nowhere")
    return root


def plain_loop(root: Path) -> dict[str, Any]:
    """Count without aioqueue and without the example's code."""
    totals: dict[str, Any] = {"files": 0, "unreadable": 0, "lines": 0, "functions": 0, "classes": 0}
    functions = []
    for path in sorted(root.resolve().rglob("*.py")):
        if not path.is_file() or "site-packages" in path.parts:
            continue
        source = path.read_bytes()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                tree = ast.parse(source)
        except (SyntaxError, ValueError):
            totals["unreadable"] += 1
            continue
        totals["files"] += 1
        totals["lines"] += len(source.splitlines())
        for node in ast.walk(tree):
            totals["classes"] += isinstance(node, ast.ClassDef)
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                assert node.end_lineno is not None
                functions.append((node.lineno - node.end_lineno - 1, str(path), node.lineno, node.name))
    totals["functions"] = len(functions)
    totals["longest"] = [
        {"lines": -length, "file": file, "line": line, "name": name}
        for length, file, line, name in sorted(functions)[:10]
    ]
    return totals


def codestats(*arguments: str, cwd: Path) -> dict[str, Any]:
    run = run_example("codestats.py", "--json", *arguments, cwd=cwd)
    assert run.returncode == 0, run.stderr
    assert "Warning" not in run.stderr
    assert "100%" in run.stderr
    totals: dict[str, Any] = json.loads(run.stdout)
    return totals


def test_inside_on_sqlite(directory: Path, tmp_path: Path) -> None:
    expected = plain_loop(directory)
    assert expected["unreadable"] == len(UNREADABLE)
    assert expected["functions"] > 1_000
    assert codestats(str(directory), cwd=tmp_path) == expected


def test_inside_on_redis(directory: Path, tmp_path: Path, redis_url: str) -> None:
    assert codestats("--url", redis_url, str(directory), cwd=tmp_path) == plain_loop(directory)


def test_outside_on_sqlite(directory: Path, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'outside.db'}"
    with running_worker("codestats:queue", url, cwd=EXAMPLES):
        totals = codestats("--url", url, "--no-worker", str(directory), cwd=tmp_path)
    assert totals == plain_loop(directory)


def test_more_files_than_are_enqueued_at_once(tmp_path: Path) -> None:
    for number in range(1_234):
        (tmp_path / f"n{number}.py").write_text("def f(): ...\n" * (number % 3))
    totals = codestats(str(tmp_path), "--url", "memory://", cwd=tmp_path)
    assert totals == plain_loop(tmp_path)


def test_table_for_people(directory: Path, tmp_path: Path) -> None:
    run = run_example("codestats.py", str(directory / "json"), cwd=tmp_path)
    expected = plain_loop(directory / "json")
    counted = [line.split()[0].replace(",", "") for line in run.stdout.splitlines()[:5]]
    assert counted == [str(expected[name]) for name in ("files", "unreadable", "lines", "functions", "classes")]
    assert run.stdout.count(".py:") == 10


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["nowhere"], "Directory 'nowhere' does not exist"),
        (["."], "there is no .py file below"),
        (["--url", "ftp://here", "{directory}"], "no driver for a URL that starts with 'ftp'"),
        (["--url", "redis://127.0.0.1:1", "{directory}"], "unavailable"),
    ],
)
def test_bad_input_is_one_clear_line(arguments: list[str], complaint: str, directory: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    run = run_example("codestats.py", *(word.format(directory=directory) for word in arguments), cwd=empty)
    assert run.returncode != 0
    assert complaint in run.stderr.splitlines()[-1]
    assert "Traceback" not in run.stderr


def test_interrupted_while_it_waits_for_workers(directory: Path, tmp_path: Path) -> None:
    with interruptible_example("codestats.py", "--no-worker", str(directory), cwd=tmp_path) as process:
        assert process.stderr is not None
        assert process.stderr.readline() == "The jobs wait for: aioqueue worker codestats:queue\n"
        os.killpg(process.pid, signal.SIGINT)
        rest = process.stderr.read()
        assert process.wait() == 1
    assert "Traceback" not in rest


def test_says_what_to_install(directory: Path, tmp_path: Path) -> None:
    (tmp_path / "rich").mkdir()
    (tmp_path / "rich" / "__init__.py").write_text("raise ImportError\n")
    path = os.pathsep.join([str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH")])])
    run = run_example("codestats.py", str(directory), cwd=tmp_path, PYTHONPATH=path)
    assert run.returncode == 1
    assert run.stderr == "Error: the progress bar needs rich: pip install rich (aioqueue's extra 'rich')\n"
