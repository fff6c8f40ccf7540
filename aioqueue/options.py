"""What a task's declaration and one of its calls may say, checked where it enters."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from datetime import MAXYEAR, datetime, timedelta
from typing import Any, Final, Literal, TypeAlias, TypeGuard

from msgspec import UNSET, Struct, UnsetType, structs

from aioqueue.drivers.base import LONGEST_TTL, PRIORITIES

Seconds: TypeAlias = float | timedelta

FOREVER: Final = 10 * 365 * 86_400.0
_LONG_AGO: Final = 1.0  # since 0 means not said
_LONE_SURROGATE: Final = "[\ud800-\udfff]"
_LONGEST_ID: Final = 200
_JOB_ID: Final = rf"[\w.:@+-]{{1,{_LONGEST_ID}}}"


class Declaration(Struct, frozen=True):
    """A task's options, checked and with every default filled in. Times are seconds."""

    context: bool = False
    retries: int = 0
    retry_delay: float = 0.0
    retry_backoff: float = 1.0
    retry_on: tuple[type[BaseException], ...] = (Exception,)
    retry_not_on: tuple[type[BaseException], ...] = ()
    priority: int = 0
    expires_in: float = 0.0
    timeout: float | None = None
    results: bool = True
    result_ttl: float = 3_600.0
    executor: Literal["loop", "thread", "process"] = "loop"
    at_most_once: bool = False
    max_deliveries: int = 5
    unique: str | Callable[..., str] | None = None


class CallSettings(Struct, frozen=True):
    """What one call says, checked. Zero means not said for times; UNSET where zero and None have a meaning."""

    id: str = ""
    delay: float = 0.0
    eta: float = 0.0
    expires_in: float = 0.0
    expires_at: float = 0.0
    priority: int | UnsetType = UNSET
    retries: int | UnsetType = UNSET
    retry_delay: float | UnsetType = UNSET
    timeout: float | UnsetType | None = UNSET
    result_ttl: float | UnsetType = UNSET
    unique: str = ""


def seconds(name: str, value: object) -> float:
    """Return a duration in seconds, up to a century; `TypeError` for what is none, `ValueError` outside of that."""
    number = value.total_seconds() if isinstance(value, timedelta) else value
    if not isinstance(number, int | float) or isinstance(number, bool):
        raise TypeError(f"{name}= takes seconds or a timedelta, not {value!r}")
    if not 0 <= number <= LONGEST_TTL:
        raise ValueError(f"{name}= must be a time of at least 0 seconds and at most 100 years, not {value!r}")
    return float(number)


def instant(name: str, value: object) -> float:
    """Return a moment as Unix seconds, never 0; a naive datetime is local time. `ValueError` for over a century ahead.

    What lies before 1971 is long past, and as good as any other past moment.
    """
    if not isinstance(value, datetime):
        raise TypeError(f"{name}= takes a datetime, not {value!r}")
    if value.year < 1971:
        return _LONG_AGO
    if value.year >= MAXYEAR or (moment := value.timestamp()) > time.time() + LONGEST_TTL:
        raise ValueError(f"{name}= must be a moment of the next 100 years, not {value!r}")
    return moment


def count(name: str, value: object, least: int = 0) -> int:
    """Return a whole number of at least `least`."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{name}= takes a whole number, not {value!r}")
    if value < least:
        raise ValueError(f"{name}= must be at least {least}, not {value}")
    return value


def priority(value: object) -> int:
    """Return a priority: a whole number from -8 to 7, higher goes first."""
    number = count("priority", value, least=PRIORITIES.start)
    if number not in PRIORITIES:
        raise ValueError(f"priority= goes from {PRIORITIES.start} to {PRIORITIES.stop - 1}, not {number}")
    return number


def declare(defaults: Declaration, options: dict[str, Any]) -> Declaration:
    """Check the options of `@queue.task(...)`; `TypeError` for an unknown one."""
    said: dict[str, Any] = {}
    for name, value in options.items():
        check = _DECLARED.get(name)
        if check is None:
            raise TypeError(f"a task has no option {name!r}; there are {', '.join(sorted([*_DECLARED, 'name']))}")
        said.update(check(value))
    declaration = structs.replace(defaults, **said)
    if declaration.at_most_once and declaration.retries:
        raise ValueError("at_most_once=True excludes retries=")
    return declaration


def call_settings(settings: CallSettings, options: dict[str, Any]) -> CallSettings:
    """Check the options of `task.options(...)` and add them to `settings`; `TypeError` for an unknown one."""
    if "eta" in options and "delay" in options:
        raise ValueError("give delay= or eta=, not both")
    said: dict[str, Any] = {}
    for name, value in options.items():
        check = _CALLED.get(name)
        if check is None:
            raise TypeError(f"a call has no option {name!r}; there are {', '.join(sorted(_CALLED))}")
        said.update(check(value))
    return structs.replace(settings, **said)


def _ttl(value: object) -> float:
    return FOREVER if value is None else seconds("result_ttl", value)


def _timeout(value: object) -> float | None:
    return None if value is None else _positive("timeout", value)


def _positive(name: str, value: object) -> float:
    number = seconds(name, value)
    if number == 0:
        raise ValueError(f"{name}= must be more than 0 seconds")
    return number


def _backoff(value: object) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or not 1 <= value < float("inf"):
        raise ValueError(f"retry_backoff= must be a finite number of at least 1, not {value!r}")
    return float(value)


def _errors(name: str, value: object) -> tuple[type[BaseException], ...]:
    kinds: list[type[BaseException]] = []
    for kind in value if isinstance(value, tuple) else (value,):
        if not (isinstance(kind, type) and issubclass(kind, BaseException)):
            raise TypeError(f"{name}= takes exception types, not {kind!r}")
        kinds.append(kind)
    return tuple(kinds)


def _executor(value: object) -> str:
    if value not in ("thread", "process"):
        raise ValueError(f'executor= is "thread" or "process", not {value!r}')
    return str(value)


def _flag(name: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError(f"{name}= is True or False, not {value!r}")
    return value


def _expires(value: object) -> dict[str, float]:
    if isinstance(value, datetime):
        return {"expires_at": instant("expires", value), "expires_in": 0.0}
    return {"expires_in": _positive("expires", value), "expires_at": 0.0}


def _job_id(value: object) -> str:
    if not isinstance(value, str) or not re.fullmatch(_JOB_ID, value):
        raise ValueError(f"id= takes 1 to 200 letters, digits or . : @ + - _, not {value!r}")
    return value


def asked_id(value: object) -> str:
    """Return the id of a job that somebody asks for; whether there ever was one shows then."""
    if not is_text(value, _LONGEST_ID):
        raise ValueError(f"the id of a job is a text of 1 to {_LONGEST_ID} characters, not {value!r}")
    return value


def unique_key(value: object) -> str:
    """Return a key of 1 to 200 characters."""
    if not is_text(value, 200):
        raise ValueError(f"unique= takes a text of 1 to 200 characters, not {value!r}")
    return value


def is_text(value: object, longest: int) -> TypeGuard[str]:
    """Tell whether this is a text that every store can keep; one lone surrogate would fail the whole batch it is in."""
    return isinstance(value, str) and 0 < len(value) <= longest and not re.search(_LONE_SURROGATE, value)


def _declared_unique(value: object) -> object:
    return value if callable(value) else unique_key(value)


_Check: TypeAlias = Callable[[Any], dict[str, Any]]

_DECLARED: Final[dict[str, _Check]] = {
    "context": lambda v: {"context": _flag("context", v)},
    "retries": lambda v: {"retries": count("retries", v)},
    "retry_delay": lambda v: {"retry_delay": seconds("retry_delay", v)},
    "retry_backoff": lambda v: {"retry_backoff": _backoff(v)},
    "retry_on": lambda v: {"retry_on": _errors("retry_on", v)},
    "retry_not_on": lambda v: {"retry_not_on": _errors("retry_not_on", v)},
    "priority": lambda v: {"priority": priority(v)},
    "expires": lambda v: {"expires_in": _positive("expires", v)},
    "timeout": lambda v: {"timeout": _timeout(v)},
    "results": lambda v: {"results": _flag("results", v)},
    "result_ttl": lambda v: {"result_ttl": _ttl(v)},
    "executor": lambda v: {"executor": _executor(v)},
    "at_most_once": lambda v: {"at_most_once": _flag("at_most_once", v)},
    "max_deliveries": lambda v: {"max_deliveries": count("max_deliveries", v, least=1)},
    "unique": lambda v: {"unique": _declared_unique(v)},
}
_CALLED: Final[dict[str, _Check]] = {
    "id": lambda v: {"id": _job_id(v)},
    "delay": lambda v: {"delay": seconds("delay", v), "eta": 0.0},
    "eta": lambda v: {"eta": instant("eta", v), "delay": 0.0},
    "expires": _expires,
    "priority": lambda v: {"priority": priority(v)},
    "retries": lambda v: {"retries": count("retries", v)},
    "retry_delay": lambda v: {"retry_delay": seconds("retry_delay", v)},
    "timeout": lambda v: {"timeout": _timeout(v)},
    "result_ttl": lambda v: {"result_ttl": _ttl(v)},
    "unique": lambda v: {"unique": unique_key(v)},
}
