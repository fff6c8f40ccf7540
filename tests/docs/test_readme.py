"""What the README must say, besides what every page must."""

from __future__ import annotations

import inspect
import re

import pytest

from aioqueue import Queue
from aioqueue.keywords import CallOptions, TaskOptions
from aioqueue.task import Task
from tests.docs.pages import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("command", ["pip install . && python examples/quickstart.py", "pip install nox && nox"])
def test_set_up_is_one_command(command: str) -> None:
    assert f"\n{command}\n" in README


def test_it_fits_on_a_few_screens() -> None:
    assert len(README.splitlines()) < 226  # as long as it was before it told of web frameworks and tests


@pytest.mark.parametrize(
    ("told", "options"),
    [(Queue.task, {*TaskOptions.__annotations__, "context"}), (Task.options, set(CallOptions.__annotations__))],
    ids=["queue.task", "task.options"],
)
def test_every_option_is_told_of_where_it_is_looked_up(told: object, options: set[str]) -> None:
    said = set(re.findall(r"`(\w+)[`=]", inspect.getdoc(told) or ""))
    assert options - said == set()
