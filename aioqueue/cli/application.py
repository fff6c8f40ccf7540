"""Finding an application's queues by `module:attribute`."""

from __future__ import annotations

import importlib
import os
import sys
import traceback
from types import ModuleType
from typing import Any, NoReturn

from aioqueue.cli.exits import CannotStart
from aioqueue.errors import ConfigurationError
from aioqueue.queue import Queue


def load_queue(target: str) -> Queue:
    """Import the queue that `target` names: `package.module:attribute`, or a dotted path without colon.

    The working directory is on the path. Raises `CannotStart` saying what is wrong with it.
    """
    module_name, attribute = _split(target)
    _put_working_directory_on_path()
    module = _import(module_name)
    found = _attribute(module, attribute)
    if not isinstance(found, Queue):
        raise CannotStart(f"{target} is of type {type(found).__name__}, not an aioqueue.Queue")
    return found


def _split(target: str) -> tuple[str, str]:
    module, colon, attribute = target.partition(":")
    if not colon:
        module, _, attribute = target.rpartition(".")
    if "/" not in target and (module.endswith(".py") or (attribute == "py" and not colon)):
        name = module.removesuffix(".py")
        raise CannotStart(
            f"{target!r} names a file: write the module without .py, as {name}:{attribute if colon else 'queue'}"
        )
    if not module or not all(part.isidentifier() for part in f"{module}.{attribute}".split(".")):
        raise CannotStart(
            f"{target!r} names no queue: write module:attribute, without a path or .py, for example app:queue"
        )
    return module, attribute


def _put_working_directory_on_path() -> None:
    here = os.getcwd()  # noqa: PTH109 -- sys.path holds strings
    if here not in sys.path:
        sys.path.insert(0, here)


def _import(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and (name == error.name or name.startswith(error.name + ".")):
            raise CannotStart(f"there is no module {error.name!r} here or on the Python path") from None
        _refuse_broken(name, error)
    except ConfigurationError as error:
        raise CannotStart(f"importing {name!r}: {error}") from None
    except (Exception, SystemExit) as error:  # noqa: BLE001 -- whatever an application's module raises
        _refuse_broken(name, error)


def _refuse_broken(name: str, error: BaseException) -> NoReturn:
    if isinstance(error, SystemExit):
        raise CannotStart(f"importing {name!r} ended Python: it called sys.exit({error.code!r})") from None
    # A syntax error says by itself where it is; its last frame is in the import system.
    frames = [] if isinstance(error, SyntaxError) else traceback.extract_tb(error.__traceback__)
    where = f" at {frames[-1].filename}:{frames[-1].lineno}" if frames else ""
    raise CannotStart(f"importing {name!r} raised {type(error).__name__}: {error}{where}") from None


def _attribute(module: ModuleType, path: str) -> Any:
    found: Any = module
    for part in path.split("."):
        try:
            found = getattr(found, part)
        except AttributeError:
            raise CannotStart(f"module {module.__name__!r} has no {path!r}{_suggest(module)}") from None
    return found


def _suggest(module: ModuleType) -> str:
    queues = [name for name, value in vars(module).items() if isinstance(value, Queue)]
    return f"; its queues are: {', '.join(queues)}" if queues else ", and no queue either"
