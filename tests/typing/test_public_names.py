"""The names of each public module: those, no others, and all of them known to type checkers."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import pytest

from aioqueue.drivers import base
from tests.test_public_names import NAMES, SIGNALS
from tests.typing.test_typing import mypy, pyright

PUBLIC: Final = {
    "aioqueue": NAMES,
    "aioqueue.schedules": ["Schedule", "cron", "crontab", "every"],
    "aioqueue.signals": ["NAMES", "Signal", *(f"SIGNAL_{name}" for name in SIGNALS)],
    "aioqueue.logs": ["JobFilter", "JsonLines", "PlainLines"],
    "aioqueue.frameworks.starlette": ["cancel_on_disconnect", "lifespan", "progress", "respond"],
    "aioqueue.frameworks.litestar": ["cancel_on_disconnect", "lifespan", "progress", "respond"],
    "aioqueue.frameworks.aiohttp": ["cancel_on_disconnect", "cleanup_ctx", "progress", "respond"],
    "aioqueue.testing.conformance": ["CHECKS", "Check", "Stage", "stage_on"],
    "aioqueue.drivers.base": ["Driver"],
}
FIXTURES: Final = [
    "aioqueue_clock",
    "aioqueue_driver",
    "aioqueue_enqueued",
    "aioqueue_immediate",
    "aioqueue_memory",
    "aioqueue_worker",
]
# Modules whose `__all__` says what is public; of the others these names are, beside what they need themselves.
CLOSED: Final = [name for name in PUBLIC if hasattr(import_module(name), "__all__")]


@pytest.mark.parametrize("name", CLOSED)
def test_a_module_exports_these_names_and_no_others(name: str) -> None:
    assert sorted(import_module(name).__all__) == sorted(PUBLIC[name])


@pytest.mark.parametrize("name", PUBLIC)
def test_every_name_is_there(name: str) -> None:
    module: ModuleType = import_module(name)
    assert [public for public in PUBLIC[name] if not hasattr(module, public)] == []


def test_the_plugin_has_these_fixtures_and_no_others(tmp_path: Path) -> None:
    listed = subprocess.run(
        [sys.executable, "-m", "pytest", "--fixtures", "-q", "-p", "no:cacheprovider", "-W", "ignore"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    ).stdout
    assert sorted({line.split()[0] for line in listed.splitlines() if line.startswith("aioqueue_")}) == FIXTURES


def test_the_contract_of_drivers_is_in_one_class() -> None:
    assert all(public.__doc__ for name, public in vars(base.Driver).items() if not name.startswith("_"))


@pytest.mark.parametrize("checker", [mypy, pyright], ids=["mypy", "pyright"])
def test_type_checkers_know_every_name(checker: Any, tmp_path: Path) -> None:
    imports = [f"from {name} import {public} as _{public}" for name, names in PUBLIC.items() for public in names]
    functions = [f"def f{number}() -> None:\n    {line}\n" for number, line in enumerate(imports)]
    (tmp_path / "uses.py").write_text("\n".join(functions))
    (tmp_path / "wrong.py").write_text("from aioqueue import Qeue\n")  # to see that it looks at all
    assert [(refusal.file, refusal.line) for refusal in checker(tmp_path)] == [("wrong.py", 1)]


def test_every_type_is_known(tmp_path: Path) -> None:
    """Pyright finds a type, and not by guessing, for whatever of the package can be imported."""
    verified = subprocess.run(
        [sys.executable, "-m", "pyright", "--verifytypes", "aioqueue", "--ignoreexternal", "--outputjson"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    found = json.loads(verified.stdout)["typeCompleteness"]
    doubtful = [one for one in found["symbols"] if one["isTypeAmbiguous"] or not one["isTypeKnown"]]
    said = [f"{one['name']}: {about['message']}" for one in doubtful for about in one["diagnostics"]]
    assert found["pyTypedPath"]
    assert (said, found["completenessScore"]) == ([], 1)
