"""The files of the scripts, whatever lies beside them."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import aioqueue

PROGRAM = "from aioqueue.drivers.redis import scripts; print(scripts.__file__, scripts.Script('claim').digest)"


def test_what_an_editor_leaves_beside_them_is_not_read(tmp_path: Path) -> None:
    package = tmp_path / "aioqueue"
    shutil.copytree(Path(aioqueue.__file__).parent, package, ignore=shutil.ignore_patterns("__pycache__"))
    folder = package / "drivers" / "redis" / "lua"
    (folder / ".claim.lua.swp").write_bytes(b"b0VIM\xff\xfe")
    (folder / "former").mkdir()
    command = [sys.executable, "-W", "error", "-c", PROGRAM]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert run.returncode == 0, run.stderr
    assert run.stdout.startswith(str(package))
