"""What docs/operate.md tells people to run exists, and its code does what it says."""

from __future__ import annotations

import configparser
import io
import json
import logging
import re
import shlex
from pathlib import Path

import click
import pytest

from aioqueue.cli.main import main

OPERATE = (Path(__file__).parents[2] / "docs" / "operate.md").read_text()
QUOTED = re.findall(r"`(aioqueue [a-z][^`]*)`", OPERATE)
SHOWN = re.findall(r"^(aioqueue [a-z][^#\n]*)", OPERATE, re.MULTILINE)
LISTED = [", ".join(found) for found in re.findall(r"\[(aioqueue, [^\]]+)\]|CMD \[(.*)\]", OPERATE)]


def commands() -> list[list[str]]:
    listed = [[word.strip(' "') for word in text.strip(", ").split(",")] for text in LISTED]
    units = re.findall(r"ExecStart=\S*/(aioqueue .*)", OPERATE)
    return [shlex.split(text) for text in QUOTED + SHOWN + units] + listed


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_every_command_and_option_exists(words: list[str]) -> None:
    program, name, *arguments = words
    assert program == "aioqueue"
    command = main.get_command(click.Context(main), name)
    assert command is not None, name
    known = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)} | {
        "--help"
    }
    assert {word for word in arguments if word.startswith("-")} <= known


def test_options_that_the_text_names_exist() -> None:
    context = click.Context(main)
    all_commands = filter(None, (main.get_command(context, name) for name in main.list_commands(context)))
    known = {option for command in all_commands for parameter in command.params for option in parameter.opts}
    named = set(re.findall(r"`(--?[a-z][a-z-]*)[ `]", OPERATE))
    assert named - known <= {"--help", "--init"}


def test_the_unit_is_one() -> None:
    found = re.search(r"```ini\n(.*?)```", OPERATE, re.DOTALL)
    assert found is not None
    unit = configparser.ConfigParser()
    unit.read_string(found[1])
    service = unit["Service"]
    assert int(service["TimeoutStopSec"]) > int(re.findall(r"--shutdown-timeout (\d+)", service["ExecStart"])[0])


def test_the_logging_block_shows_the_job(capsys: pytest.CaptureFixture[str]) -> None:
    (block,) = re.findall(r"```python\n(.*?)```", OPERATE, re.DOTALL)
    logger = logging.getLogger("myapp")
    try:
        exec(compile(block, "operate.md", "exec"), {})
        (handler,) = logger.handlers
        assert isinstance(handler, logging.StreamHandler)
        stream = handler.stream = io.StringIO()
        logger.warning("hello", extra={"order": 7})
    finally:
        logger.handlers.clear()
    told = json.loads(stream.getvalue())
    assert (told["message"], told["order"]) == ("hello", 7)


def test_every_command_is_documented_somewhere() -> None:
    docs = Path(__file__).parents[2]
    text = OPERATE + (docs / "README.md").read_text() + (docs / "docs" / "json.md").read_text()
    names = main.list_commands(click.Context(main))
    assert [name for name in names if f"aioqueue {name}" not in text] == []
