"""Processes that a worker starts for bodies, recognised from inside."""

from __future__ import annotations

import sys
from typing import Final

from aioqueue.errors import ConfigurationError

# How anyio starts the processes of `anyio.to_process`.
IS_CHILD: Final = sys.orig_argv[-2:] == ["-m", "anyio.to_process"]


def refuse_in_import(what: str) -> None:
    """Refuse to do `what` where a body's process is only importing the module that the body is in.

    A module that works when it is imported would start a worker in each child, whose children start workers.
    """
    if IS_CHILD:
        raise ConfigurationError(
            f"a process that is to run a task has only imported its module, and that {what}; "
            'put what the program does under `if __name__ == "__main__":`'
        )
