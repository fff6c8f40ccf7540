"""The quickstart prints the values of its tasks and leaves nothing behind."""

from __future__ import annotations

from pathlib import Path

from tests.examples.running import WATCHED_IN_VAIN, run_example

PRINTED = """\
add            3
sha256         f1f158d383d408ea ...
map            [0, 2, 4, 6, 8]
fetch          ConnectionError: nobody answers at https://example.test (after two retries)
count_primes   17984 (succeeded)
"""


def test_it_prints_values_and_leaves_nothing_behind(tmp_path: Path) -> None:
    run = run_example("quickstart.py", cwd=tmp_path)
    assert (run.stdout, WATCHED_IN_VAIN.sub("", run.stderr), run.returncode) == (PRINTED, "", 0)
    assert list(tmp_path.iterdir()) == []
