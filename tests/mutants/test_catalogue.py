"""The list of mutations keeps up with the code. What the tests make of them is asked by `nox -s mutants`."""

from __future__ import annotations

import ast
import shlex
from collections import Counter
from pathlib import Path

import pytest

import aioqueue
from tests.mutants.catalogue import CATALOGUE
from tests.mutants.hunt import EVERYWHERE
from tests.mutants.mutant import Mutant
from tests.mutants.suite import ROOT

PACKAGE = Path(aioqueue.__file__).parent


@pytest.mark.parametrize("mutant", CATALOGUE, ids=lambda mutant: mutant.name)
def test_a_mutation_has_its_place(mutant: Mutant) -> None:
    before = (PACKAGE / mutant.file).read_text(encoding="utf-8")
    after = mutant.mutated(before)
    assert after != before
    if mutant.file.endswith(".py"):
        ast.parse(after)


@pytest.mark.parametrize("selection", sorted({each for mutant in CATALOGUE for each in mutant.tests} | {*EVERYWHERE}))
def test_what_is_to_catch_it_is_there(selection: str) -> None:
    files = [word for word in shlex.split(selection) if word.startswith("tests/")]
    assert files
    assert [file for file in files if not (ROOT / file).exists()] == []


def test_every_mutation_has_a_name_of_its_own() -> None:
    assert Counter(mutant.name for mutant in CATALOGUE).most_common(1)[0][1] == 1


def test_a_place_that_is_not_there_once_is_refused() -> None:
    mutant = Mutant("none", "file.py", "before", "after", "nothing", ())
    for text in ("", "before before"):
        with pytest.raises(LookupError, match="places in file"):
            mutant.mutated(text)
