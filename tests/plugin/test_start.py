"""A test run that uses no fixture of aioqueue does not notice that it is installed."""

from __future__ import annotations

import json
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from aioqueue.testing import plugin
from tests.plugin.pytests import outcomes, run_pytest

NOT_USED = """
import json, sys
from pathlib import Path

def test_nothing():
    Path("modules.json").write_text(json.dumps(sorted(sys.modules)))
"""


def test_the_plugin_is_found_by_pytest() -> None:
    (found,) = entry_points(group="pytest11", name="aioqueue")
    assert found.value == "aioqueue.testing.plugin"


def test_it_is_imported_when_it_is_used(tmp_path: Path) -> None:
    (tmp_path / "test_none.py").write_text(NOT_USED)
    run = run_pytest(tmp_path)
    assert outcomes(run) == {"passed": 1}, run.stdout
    modules = json.loads((tmp_path / "modules.json").read_text())
    ours = {name for name in modules if name.partition(".")[0] == "aioqueue"}
    assert ours == {"aioqueue", "aioqueue.testing", "aioqueue.testing.plugin"}
    assert not {"redis", "msgspec"} & set(modules)


def test_no_fixture_uses_itself(request: pytest.FixtureRequest) -> None:
    assert not [name for name in request.fixturenames if "aioqueue" in name]


def test_every_fixture_is_told_of_in_the_documentation() -> None:
    page = Path(__file__).parents[2] / "docs" / "how-to" / "testing.md"
    fixtures = [name for name in vars(plugin) if name.startswith("aioqueue_")]
    assert len(fixtures) == 6
    assert [name for name in fixtures if f"`{name}" not in page.read_text(encoding="utf-8")] == []
