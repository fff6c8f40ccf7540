"""The hunt: each mutant in a copy of its own, tried by the likeliest tests first, until one catches it."""

from __future__ import annotations

import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.mutants.mutant import Mutant
from tests.mutants.suite import ROOT, Copy

EVERYWHERE: Final = (
    "tests/drivers --ignore=tests/drivers/test_machine.py",
    "tests/worker",
    "tests/core tests/canvas tests/coordination tests/stopping tests/periodic tests/news tests/immediate tests/sync",
    "tests/security tests/faults",
)


@dataclass(frozen=True)
class Catch:
    """What became of a mutant: the test that caught it, None for a survivor; after how many seconds."""

    mutant: Mutant
    test: str | None
    seconds: float


class Controls:
    """The same tests on a copy without a mutation: what fails there catches nothing.

    Each selection is run once, when it has caught its first mutant.
    """

    def __init__(self, copy: Copy) -> None:
        self._copy = copy
        self._lock = threading.Lock()
        self._verdicts: dict[str, Future[str | None]] = {}

    def failure(self, selection: str) -> str | None:
        """Return the test of a selection that fails without any mutation."""
        with self._lock:
            verdict = self._verdicts.get(selection)
            is_mine = verdict is None
            if verdict is None:
                verdict = self._verdicts[selection] = Future()
        if is_mine:
            try:
                verdict.set_result(self._copy.catches(selection))
            except BaseException as error:
                verdict.set_exception(error)
        return verdict.result()


def hunt(
    mutants: Sequence[Mutant], at_once: int, tell: Callable[[Catch], None], others: Sequence[str] = EVERYWHERE
) -> list[Catch]:
    """Try every mutant with its own tests, then with `others`.

    Raises LookupError where the list does not fit the code, before anything is run.
    """
    for mutant in mutants:
        with _copied(mutant):
            pass
    with _copied(None) as untouched, ThreadPoolExecutor(at_once) as pool:
        controls = Controls(untouched)

        def try_one(mutant: Mutant) -> Catch:
            began = time.monotonic()
            catch = Catch(mutant, _caught_by(mutant, [*mutant.tests, *others], controls), time.monotonic() - began)
            tell(catch)
            return catch

        return list(pool.map(try_one, mutants))


def _caught_by(mutant: Mutant, selections: Sequence[str], controls: Controls) -> str | None:
    with _copied(mutant) as copy:
        for selection in selections:
            test = copy.catches(selection)
            if test is not None and controls.failure(selection) is None:
                return test
    return None


@contextmanager
def _copied(mutant: Mutant | None) -> Iterator[Copy]:
    with tempfile.TemporaryDirectory(prefix="aioqueue-mutants-") as directory:
        copy = Copy(Path(directory))
        shutil.copytree(ROOT / "aioqueue", copy.package, ignore=shutil.ignore_patterns("__pycache__"))
        if mutant is not None:
            mutant.apply(copy.package)
        yield copy
