"""The tasks of a queue by name, and what they are called."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from aioqueue.errors import ConfigurationError
from aioqueue.task import Task

# A process that multiprocessing or anyio spawns reads the main module under the second name.
_MAINS: Final = ("__main__", "__mp_main__")
_NAME: Final = re.compile(r"[\w.:<>-]{1,200}")


class Registry:
    """Maps names to tasks. Names are the only way from a stored job to a function: nothing is imported by name."""

    def __init__(self) -> None:
        self._tasks: dict[str, Task[..., Any]] = {}
        self._readings: dict[str, object] = {}

    def add(self, task: Task[..., Any]) -> None:
        """Register a task; `ConfigurationError` if its name belongs to another function.

        The same function again replaces the old one: a reloaded module, `__main__`, a function made anew by one `def`.
        """
        known = self._tasks.get(task.name)
        reading = _reading(task.fn)
        if known is not None and not self._may_replace(known, task, reading):
            raise ConfigurationError(
                f"two functions are called {task.name!r}: {_place(known.fn)} and {_place(task.fn)}; "
                "rename one, or give it a name with @queue.task(name=...)"
            )
        self._tasks[task.name] = task
        self._readings[task.name] = reading

    def _may_replace(self, old: Task[..., Any], new: Task[..., Any], reading: object) -> bool:
        if not _is_same_function(old.fn, new.fn):
            return False
        if new.fn.__module__ in _MAINS or self._readings[old.name] is not reading:
            return True
        return _place(old.fn) == _place(new.fn)

    def get(self, name: str) -> Task[..., Any] | None:
        """Return the task of that name."""
        return self._tasks.get(name)

    def __iter__(self) -> Iterator[Task[..., Any]]:
        return iter(self._tasks.values())


def task_name(fn: Callable[..., Any], chosen: str | None) -> str:
    """Return the name of a task: the one that was chosen, or `module.qualname`.

    `__main__` is replaced by the module's real name, so that jobs sent by `python demo.py` are known to a worker that
    imports `demo`.
    """
    name = chosen if chosen is not None else f"{_module_name(fn.__module__)}.{fn.__qualname__}"
    if not _NAME.fullmatch(name):
        raise ConfigurationError(f"a task's name takes 1 to 200 letters, digits and . : _ - < >, not {name!r}")
    return name


def refuse_unsuitable(fn: Callable[..., Any], executor: str | None) -> None:
    """Refuse what cannot be a task: `ConfigurationError` or `TypeError` saying why."""
    if not inspect.isroutine(fn):
        raise TypeError(f"a task is a function, not {fn!r}; options go by keyword: @queue.task(retries=2)")
    where = fn.__qualname__
    if inspect.ismethod(fn) or _looks_like_a_method(fn):
        raise ConfigurationError(f"{where} is a method: a task is a plain function, since only its arguments travel")
    if inspect.isgeneratorfunction(fn) or inspect.isasyncgenfunction(fn):
        raise ConfigurationError(f"{where} is a generator: a task returns one value")
    if executor is not None and inspect.iscoroutinefunction(fn):
        raise ConfigurationError(f"{where} is a coroutine function: it runs on the loop, executor= is for plain ones")
    if executor == "process" and ("<locals>" in where or "<lambda>" in where):
        raise ConfigurationError(f'{where} cannot run with executor="process": define it at module level')


def _looks_like_a_method(fn: Callable[..., Any]) -> bool:
    scope, _, _ = fn.__qualname__.rpartition(".")
    parameters = list(inspect.signature(fn).parameters)
    return bool(scope) and not scope.endswith("<locals>") and parameters[:1] in (["self"], ["cls"])


def _module_name(module: str) -> str:
    if module not in _MAINS:
        return module
    main = sys.modules[module]
    spec = getattr(main, "__spec__", None)
    if spec is not None:
        return str(spec.name).removesuffix(".__main__")
    file = getattr(main, "__file__", None)
    return Path(file).stem if file else module


def _is_same_function(old: Callable[..., Any], new: Callable[..., Any]) -> bool:
    """Whether `new` comes from where `old` came from: the names agree, and in one reading of the module the lines."""
    return old.__module__ == new.__module__ and old.__qualname__ == new.__qualname__


def _reading(fn: Callable[..., Any]) -> object:
    """Return what tells one reading of the function's module from the next: its spec, which a reload makes anew."""
    return getattr(fn, "__globals__", {}).get("__spec__")


def _place(fn: Callable[..., Any]) -> str:
    code = getattr(inspect.unwrap(fn), "__code__", None)
    return f"{code.co_filename}:{code.co_firstlineno}" if code else repr(fn)
