"""`python -m tests.mutants [--at-once N] [--likely] [WORD...]`: exit code 1 if a mutant survives."""

from __future__ import annotations

import argparse
import os
import sys
import time

from tests.mutants.catalogue import chosen
from tests.mutants.hunt import EVERYWHERE, Catch, hunt


def main() -> int:
    """Try the mutants in whose names one of the words stands, all for no words."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants")
    parser.add_argument("words", nargs="*", metavar="WORD")
    parser.add_argument("--at-once", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--likely", action="store_true", help="only with the tests named with each mutant")
    options = parser.parse_args()
    mutants = chosen(options.words)
    began = time.monotonic()
    catches = hunt(mutants, options.at_once, _tell, () if options.likely else EVERYWHERE)
    survivors = [catch.mutant for catch in catches if catch.test is None]
    print(f"{len(catches)} mutants in {(time.monotonic() - began) / 60:.1f} minutes, {len(survivors)} survived")
    for mutant in survivors:
        print(f"SURVIVED {mutant.name}: no test notices that {mutant.file} forgets {mutant.forgets}")
    return 1 if survivors or not catches else 0


def _tell(catch: Catch) -> None:
    print(f"{catch.mutant.name:32} {catch.seconds:6.1f} s  {catch.test or 'SURVIVED'}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
