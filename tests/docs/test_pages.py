"""Every block of the README and of docs/ is run, or read as what its fence says it is."""

from __future__ import annotations

import configparser
import json
import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Final

import click
import pytest
import yaml

from tests.docs.console import Command, Console, commands_of, says
from tests.docs.pages import PAGES, ROOT, Block, blocks_of, name_of, text_without_blocks
from tests.docs.program import Program, module_name
from tests.docs.shown import read, shown_commands

# Played on every store by tests/huey/test_from_huey.py: each of its blocks stands for itself.
ELSEWHERE: Final = ("docs/from-huey.md",)
PLAYED: Final = ("python", "console")
# Not run: commands that set a machine up, or stand for others; output, a picture in letters, another language.
SHOWN: Final = ("sh", "text", "dockerfile", "javascript", "html", "sql", "lua")
READ: Final[dict[str, Callable[[str], object]]] = {
    "toml": tomllib.loads,
    "yaml": yaml.safe_load,
    "json": json.loads,
    "ini": lambda text: configparser.ConfigParser(strict=False).read_string(text),
}
BLOCKS: Final = [block for page in PAGES for block in blocks_of(page)]
SHOWN_COMMANDS: Final = [
    pytest.param(command, id=f"{block}: {command}")
    for block in BLOCKS
    if block.language == "sh"
    for command in shown_commands(block)
]
PLAYABLE: Final = [
    page
    for page in PAGES
    if name_of(page) not in ELSEWHERE and any(block.language in PLAYED for block in blocks_of(page))
]


@pytest.mark.parametrize("page", PLAYABLE, ids=name_of)
def test_what_a_page_shows_happens(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    blocks = [block for block in blocks_of(page) if block.language in PLAYED]
    commands = [command for block in blocks if block.language == "console" for command in commands_of(block)]
    redis_url = request.getfixturevalue("redis_url") if any("redis:" in one.line for one in commands) else ""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delenv("AIOQUEUE_URL", raising=False)
    monkeypatch.setenv("QUEUE_KEYS", "aa" * 32)
    with Console(tmp_path, redis_url) as console, Program(module_name(page), tmp_path) as program:
        for block in blocks:
            if block.file:
                Path(block.file).parent.mkdir(parents=True, exist_ok=True)
                Path(block.file).write_text(block.text, encoding="utf-8")
            if block.language == "console":
                for command in commands_of(block):
                    console.play(command)
            elif not is_run_by(block.file, commands):
                program.run(block)


def is_run_by(file: str, commands: list[Command]) -> bool:
    """Tell whether a command of the page runs this file, so that it is no part of the page's own program."""
    words = {re.split("[:.]", word)[0] for command in commands for word in command.line.split()}
    is_test = file.startswith("test_") and any(command.line.startswith("pytest") for command in commands)
    return bool(file) and (is_test or Path(file).stem in words)


@pytest.mark.parametrize("block", BLOCKS, ids=str)
def test_a_fence_says_what_is_in_it(block: Block) -> None:
    assert block.language in {*PLAYED, *SHOWN, *READ}


@pytest.mark.parametrize("block", [block for block in BLOCKS if block.language in READ], ids=str)
def test_what_is_no_program_can_be_read(block: Block) -> None:
    assert READ[block.language](block.text) != {}


@pytest.mark.parametrize("command", SHOWN_COMMANDS)
def test_a_command_that_is_only_shown_is_one_that_the_program_takes(command: str) -> None:
    read(command)


@pytest.mark.parametrize(
    "command",
    [
        "aioqueue wrok app:queue",
        "aioqueue worker",
        "aioqueue worker app:queue --no-such-option",
        "aioqueue worker app:queue --concurrency many",
        "aioqueue pause app:queue and:more",
        "aioqueue job app:queue",
        "aioqueue revoke app:queue app.sync",
        "aioqueue restore app:queue ID --task app.sync",
        "aioqueue replay app:queue --task",
    ],
)
def test_a_command_that_the_program_would_not_take_is_found(command: str) -> None:
    with pytest.raises(click.UsageError):
        read(command)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_to_files_of_the_repository(page: Path) -> None:
    text = re.sub(r"(`+).+?\1", "", text_without_blocks(page))
    targets = re.findall(r"\]\((?!https?:|#)([^)#\s]+)", text)
    later = {"../benchmarks/RESULTS.md", "benchmarks/RESULTS.md"}  # written by the first measurement
    assert [one for one in targets if one not in later and not (page.parent / one).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_lists_are_lists_wherever_they_are_read(page: Path) -> None:
    """The site's Markdown wants a line between a paragraph and a list, and four spaces before what is in an item."""
    paragraphs = re.split(r"\n\s*?\n", text_without_blocks(page))
    starts_late = [one for one in paragraphs if re.search(r"^- ", one, re.MULTILINE) and not re.match(r"\n?- ", one)]
    is_too_far_left = [one for one in paragraphs if re.match(r"\n? {1,3}\S", one)]
    assert [*starts_late, *is_too_far_left] == []


def test_pages_and_blocks_are_found() -> None:
    assert {"README.md", "docs/tutorial.md", "docs/operate.md"} <= {name_of(page) for page in PLAYABLE}
    assert sum(block.language == "python" for block in BLOCKS) > 50
    assert len(SHOWN_COMMANDS) > 10


@pytest.mark.parametrize(
    ("shown", "printed", "alike"),
    [
        ("3\n", "3\n", True),
        ("3\n", "4\n", False),
        ("a ... c\n", "a b c\n", True),
        ("a ... c\n", "a\nc\n", False),
        ("first\n...\nlast\n", "first\n1\n2\nlast\n", True),
        ("first\n...\nlast\n", "first\nlast\n", True),
        ("first\n...\n", "last\n", False),
        ("", "unexpected\n", False),
    ],
)
def test_dots_stand_for_what_differs_each_time(shown: str, printed: str, alike: bool) -> None:
    assert says(shown, printed) is alike


def test_the_root_is_the_repository() -> None:
    assert (ROOT / "pyproject.toml").is_file()
