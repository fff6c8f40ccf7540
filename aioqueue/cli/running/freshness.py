"""Whether the code on disk, which may not be the code that runs, could be started."""

from __future__ import annotations

import asyncio
from asyncio.subprocess import DEVNULL, PIPE
from contextlib import suppress

from aioqueue.cli.running.again import Life, command_line, directory, environment


async def why_not_afresh() -> str:
    """Start the command of this process as a dry run; return what keeps it from starting, empty if nothing does."""
    try:
        process = await asyncio.create_subprocess_exec(
            *command_line(),
            cwd=directory(),
            env=environment(Life(), AIOQUEUE_DRY_RUN="1"),
            stdin=DEVNULL,
            stdout=DEVNULL,
            stderr=PIPE,
        )
    except OSError as error:
        return str(error)
    try:
        _, said = await process.communicate()
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
    lines = said.decode(errors="replace").strip().splitlines()
    return "" if process.returncode == 0 else lines[-1] if lines else f"exit code {process.returncode}"
