"""The README's code prints what the README says, alone and with the worker outside."""

from __future__ import annotations

import ast
import asyncio
import os
import re
from pathlib import Path

import pytest

from aioqueue import JobState, Queue
from aioqueue.options import TaskOptions
from tests.examples.running import EXAMPLES, run_script, running_worker

README = (EXAMPLES.parent / "README.md").read_text()

_ASSUMED = """
from decimal import Decimal
from uuid import UUID
from msgspec import Struct
from aioqueue import Queue

class Mail(Struct): ...
class Receipt(Struct): ...

queue = Queue("memory://")

"""


def block(file: str) -> str:
    """Return the code block that starts with the comment `# file`."""
    found = re.search(rf"^```python\n(# {re.escape(file)}\n.*?)^```$", README, re.DOTALL | re.MULTILINE)
    assert found is not None, file
    return found[1]


def output_of(command: str) -> str:
    """Return what stands below `$ command`, up to the next command or the end of its block."""
    found = re.search(rf"^\$ {re.escape(command)}\n(.*?)(?=^\$ |^```$)", README, re.DOTALL | re.MULTILINE)
    assert found is not None, command
    return found[1]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for file in ("app.py", "ask.py"):
        (tmp_path / file).write_text(block(file))
    return tmp_path


def test_app_alone(folder: Path) -> None:
    run = run_script(folder / "app.py", cwd=folder)
    assert (run.stdout, run.stderr) == (output_of("python app.py"), "")


def test_asking_from_another_process(folder: Path) -> None:
    path = os.pathsep.join([str(folder), *filter(None, [os.environ.get("PYTHONPATH")])])
    with running_worker("app:queue", "sqlite:///aioqueue.db", cwd=folder):
        run = run_script(folder / "ask.py", cwd=folder, PYTHONPATH=path)
    assert (run.stdout, run.stderr) == (output_of("python ask.py"), "")


def test_every_option_shown_is_there() -> None:
    (shown,) = re.findall(r"^```python\n(@queue\.task .*?)^```$", README, re.DOTALL | re.MULTILINE)
    decorated, call = shown.rsplit("\n\n", 1)
    names: dict[str, object] = {}
    exec(_ASSUMED + decorated, names)
    queue = names["queue"]
    assert isinstance(queue, Queue)
    assert len(list(queue.registry)) == 4

    async def enqueue() -> None:
        await eval(compile(call, "README.md", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT), names)
        assert (await queue.counts())[JobState.SCHEDULED] == 1

    asyncio.run(enqueue())


def test_every_task_option_named_is_there() -> None:
    (named,) = re.findall(r"Options of a task: (.*?)\.\n", README, re.DOTALL)
    options = set(re.findall(r"`(\w+)`", named))
    assert options == {*TaskOptions.__annotations__, "context"}


@pytest.mark.parametrize("command", ["pip install . && python examples/quickstart.py", "pip install nox && nox"])
def test_set_up_is_one_command(command: str) -> None:
    assert f"\n{command}\n" in README


def test_links_lead_somewhere() -> None:
    links = re.findall(r"\]\((?!https?://)([^)#]+)", README)
    assert links
    later = {"benchmarks/RESULTS.md"}  # written by the first measurement
    assert [link for link in links if link not in later and not (EXAMPLES.parent / link).exists()] == []
