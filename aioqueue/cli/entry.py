"""Where the `aioqueue` command begins: a cheap probe is answered at once, all else is click's."""

from __future__ import annotations

import sys
from io import TextIOWrapper


def main() -> None:
    """Run the command line of this process."""
    for stream in (sys.stdout, sys.stderr):
        # A path or a title that the terminal cannot show must not end the command that names it.
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    if sys.argv[1:2] == ["check"]:
        from aioqueue.cli.check.probes import answer  # noqa: PLC0415 -- nothing else needs it

        code = answer(sys.argv[2:])
        if code is not None:
            sys.exit(code)
    from aioqueue.cli.running.collecting import importing  # noqa: PLC0415 -- a probe does without both

    with importing():
        from aioqueue.cli.main import main as command  # noqa: PLC0415 -- click would take it five times as long

    command(prog_name="aioqueue")
