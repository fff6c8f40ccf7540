"""A virtual environment for each peer, since their pins clash; made once and kept until the pins change."""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.failure import PeerFailed
from benchmarks.places import CHECKOUT, ENVIRONMENTS, LOGS, REQUIREMENTS
from benchmarks.process import finish, finish_with_json
from benchmarks.roster import OURS, Peer

PIP_TIMEOUT = 900.0
WITH_OURS = (OURS, f"load-{OURS}")


def prepare(name: str) -> None:
    """Make the environment `name`, unless it is there with these pins; aioqueue itself is installed afresh each time.

    Raises PeerFailed when something cannot be installed.
    """
    pins = REQUIREMENTS / f"{name}.txt"
    if not _is_current(name, pins):
        _make(name)
        _pip(name, "install", "--requirement", pins)
        _mark(name).write_text(_digest(pins))
    if name in WITH_OURS:
        _pip(name, "install", CHECKOUT)
        _pip(name, "install", "--force-reinstall", "--no-deps", CHECKOUT)


def python(name: str) -> Path:
    """The interpreter of the environment `name`."""
    return ENVIRONMENTS / name / "bin" / "python"


def versions(peer: Peer) -> dict[str, str]:
    """What is installed for a peer, by distribution."""
    return versions_of(peer.environment, peer.distributions)


def versions_of(environment: str, distributions: Sequence[str]) -> dict[str, str]:
    """What is installed in an environment, by distribution."""
    script = (
        "import json, sys; from importlib.metadata import version;"
        "print(json.dumps({name: version(name) for name in sys.argv[1:]}))"
    )
    arguments: list[str | Path] = [python(environment), "-c", script, *distributions]
    log = LOGS / f"{environment}-versions.log"
    return finish_with_json(arguments, log=log, directory=ENVIRONMENTS, timeout=30, variables={})


def _make(name: str) -> None:
    place = ENVIRONMENTS / name
    shutil.rmtree(place, ignore_errors=True)
    ENVIRONMENTS.mkdir(parents=True, exist_ok=True)
    finish([sys.executable, "-m", "venv", place], log=LOGS / f"{name}-venv.log", directory=ENVIRONMENTS, timeout=120)


def _pip(name: str, *arguments: str | Path) -> None:
    command = [python(name), "-m", "pip", "--quiet", "--disable-pip-version-check", *arguments]
    try:
        finish(command, log=LOGS / f"{name}-pip.log", directory=ENVIRONMENTS, timeout=PIP_TIMEOUT)
    except PeerFailed as failure:
        raise PeerFailed(f"installing: {failure}") from None


def _is_current(name: str, pins: Path) -> bool:
    mark = _mark(name)
    return mark.exists() and mark.read_text() == _digest(pins)


def _mark(name: str) -> Path:
    return ENVIRONMENTS / name / "made-from"


def _digest(pins: Path) -> str:
    return hashlib.sha256(json.dumps([sys.version, pins.read_text()]).encode()).hexdigest()
