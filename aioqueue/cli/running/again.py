"""The same command once more: in another process, or in place of this one."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final, NoReturn

import msgspec
from msgspec import Struct

from aioqueue.cli.pidfile import INHERITED_BY
from aioqueue.cli.running.systemd import ASKED_BY

_LIFE: Final = "_AIOQUEUE_LIFE"


class Life(Struct, frozen=True):
    """What a process of the command knows beside its options.

    `number` is which of the supervised ones it is, from 1, and `pipe` the descriptor of its line to the supervisor; 0
    and -1 if there is none. `again` says that another one was in its place before.
    """

    number: int = 0
    pipe: int = -1
    again: bool = False


def _directory() -> str:
    """Return the working directory by the name it was entered by: behind a link that a deploy moves is fresh code."""
    here, said = Path.cwd(), Path(os.environ.get("PWD", ""))
    with suppress(OSError):
        if said.is_absolute() and said.samefile(here):
            return str(said)
    return str(here)


# As they were before any application changed them.
_ENVIRONMENT: Final = {name: value for name, value in os.environ.items() if name not in (_LIFE, INHERITED_BY)}
_DIRECTORY: Final = _directory()
_COMMAND: Final = (sys.executable, *sys.orig_argv[1:])
_HANGUP: Final = frozenset({signal.SIGHUP})


def this_life() -> Life:
    """Return what this process was told when it was started; its own children are not told."""
    said = os.environ.pop(_LIFE, "")
    return msgspec.json.decode(said, type=Life) if said else Life()


def command_line() -> tuple[str, ...]:
    """Return the command that this process was started by."""
    return _COMMAND


def directory() -> str:
    """Return where it was started."""
    return _DIRECTORY


def environment(life: Life, **more: str) -> dict[str, str]:
    """Return the environment for another process of the same command, whose business systemd is not."""
    handed_on = {name: value for name, value in _ENVIRONMENT.items() if name not in ASKED_BY}
    return {**handed_on, _LIFE: msgspec.json.encode(life).decode(), **more}


def replace_this_process(life: Life) -> NoReturn:
    """Be the same command anew, under the same process id; inherited descriptors are kept. Raises OSError."""
    kept = {**_ENVIRONMENT, **{name: os.environ[name] for name in (INHERITED_BY,) if name in os.environ}}
    with suppress(OSError):  # it is gone, and was not needed until now
        os.chdir(_DIRECTORY)
    os.execve(_COMMAND[0], _COMMAND, {**kept, **environment(life)})  # noqa: S606 -- no shell is wanted


def hold_hangups() -> None:
    """Have SIGHUP wait, over an exec as well, until `let_hangups_in`: while Python starts it would be the end."""
    signal.pthread_sigmask(signal.SIG_BLOCK, _HANGUP)


def let_hangups_in() -> None:
    """Deliver the SIGHUP that has waited, and all later ones."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _HANGUP)
