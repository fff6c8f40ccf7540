"""What applications may rely on: the names, and that each says what it is."""

from __future__ import annotations

import inspect
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import aioqueue
from aioqueue import schedules, signals
from aioqueue.testing import plugin
from aioqueue.testing.clock import Clock, Clocks
from aioqueue.testing.enqueued import Enqueued
from aioqueue.testing.moves import Moves
from aioqueue.testing.stores import StoreSwap
from aioqueue.testing.swapping import Swap
from aioqueue.testing.workers import Workers

NAMES = [
    "AioqueueError",
    "CancelExecution",
    "Chord",
    "ConfigurationError",
    "DeadLetter",
    "Depends",
    "Event",
    "Group",
    "Job",
    "JobState",
    "JsonSerializer",
    "KeyValue",
    "Lock",
    "MsgpackSerializer",
    "PayloadTooLarge",
    "PickleSerializer",
    "Pipeline",
    "PipelineResult",
    "Queue",
    "RateLimit",
    "RateLimitExceeded",
    "Result",
    "ResultGroup",
    "ResultTimeout",
    "ResultUnknown",
    "ResultsDisabled",
    "RetryTask",
    "SerializationError",
    "StoreUnavailable",
    "Task",
    "TaskCancelled",
    "TaskException",
    "TaskExpired",
    "TaskLockedException",
    "TaskLost",
    "TaskTimeout",
    "Worker",
    "chord",
    "cron",
    "crontab",
    "current_job",
    "every",
    "group",
]
SIGNALS = [
    "CANCELED",
    "COMPLETE",
    "ENQUEUED",
    "ERROR",
    "EXECUTING",
    "EXPIRED",
    "INTERRUPTED",
    "LOCKED",
    "RATE_LIMITED",
    "RETRYING",
    "REVOKED",
    "SCHEDULED",
    "TIMEOUT",
]
QUEUE = [
    "close",
    "closing_task",
    "context_task",
    "counts",
    "dead",
    "disconnect_signal",
    "enqueue",
    "enqueue_all",
    "events",
    "flush",
    "flush_locks",
    "immediate",
    "is_locked",
    "is_running",
    "kv",
    "lock_task",
    "name",
    "on_shutdown",
    "on_startup",
    "override",
    "pause",
    "pending",
    "periodic_task",
    "post_execute",
    "pre_execute",
    "rate_limit",
    "replay",
    "replay_all",
    "result",
    "resume",
    "running",
    "scheduled",
    "semaphore",
    "signal",
    "sync",
    "task",
    "worker",
    "workers",
]
# Not for applications, and not in the reference: what the parts of aioqueue know of each other.
INSIDE_QUEUE = [
    "driver",
    "hooks",
    "periodic",
    "registry",
    "serializer",
    "session",
    "signals",
    "standing_on",
    "store",
    "zone",
]
FIXTURES = {
    "aioqueue_clock": Clocks,
    "aioqueue_driver": StoreSwap,
    "aioqueue_enqueued": Enqueued,
    "aioqueue_immediate": Swap,
    "aioqueue_memory": Swap,
    "aioqueue_worker": Workers,
}
GIVEN = [
    Clock((), Moves()),
    Clocks(),
    Enqueued(),
    StoreSwap("memory", "memory://"),
    Swap("swap", aioqueue.Queue.driver),
    Workers(),
]
GIVEN_OFFERS: dict[type[Any], list[str]] = {
    Clock: ["advance", "advance_to", "advance_to_slot", "now"],
    Clocks: ["__call__", "put_back"],
    Enqueued: ["assert_enqueued", "clear", "jobs", "none", "note"],  # `note` is what the recording calls
    StoreSwap: ["__call__", "kind", "name_of", "url"],
    Swap: ["__call__"],
    Workers: ["__call__", "vanish"],
}
BASES = {
    "ConfigurationError": ("AioqueueError",),
    "SerializationError": ("AioqueueError",),
    "PayloadTooLarge": ("SerializationError",),
    "StoreUnavailable": ("AioqueueError", "ConnectionError"),
    "ResultTimeout": ("AioqueueError", "TimeoutError"),
    "ResultUnknown": ("AioqueueError", "LookupError"),
    "ResultsDisabled": ("AioqueueError",),
    "TaskException": ("AioqueueError",),
    "TaskTimeout": ("TaskException", "TimeoutError"),
    "TaskLost": ("TaskException",),
    "TaskCancelled": ("TaskException",),
    "TaskExpired": ("TaskException",),
    "TaskLockedException": ("TaskCancelled",),
    "RateLimitExceeded": ("TaskCancelled",),
    "RetryTask": ("Exception",),
    "CancelExecution": ("Exception",),
}


def public_members(owner: type[Any]) -> list[tuple[str, Any]]:
    """Return the functions and properties that a class itself defines for others."""
    return [
        (name, member)
        for name, member in vars(owner).items()
        if not name.startswith("_") and isinstance(member, property | staticmethod | classmethod | type(public_members))
    ]


def test_the_package_exports_these_names_and_no_others() -> None:
    assert sorted(aioqueue.__all__) == NAMES
    assert len(set(aioqueue.__all__)) == len(aioqueue.__all__)
    exported = {
        name
        for name in dir(aioqueue)
        if not name.startswith("__") and not isinstance(getattr(aioqueue, name), ModuleType)
    }
    assert exported == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_every_name_says_what_it_is(name: str) -> None:
    exported = getattr(aioqueue, name)
    said = vars(exported).get("__doc__") if isinstance(exported, type) else inspect.getdoc(exported)
    assert said and said.strip(), f"{name} has no docstring of its own"
    assert said.strip().splitlines()[0].rstrip().endswith((".", "?", ":")) or len(said.splitlines()) > 1


@pytest.mark.parametrize("name", [name for name in NAMES if isinstance(getattr(aioqueue, name), type)])
def test_every_method_says_what_it_does(name: str) -> None:
    undocumented = [member for member, value in public_members(getattr(aioqueue, name)) if not inspect.getdoc(value)]
    assert undocumented == []


@pytest.mark.parametrize("name", NAMES)
def test_every_signature_is_typed(name: str) -> None:
    exported = getattr(aioqueue, name)
    functions = [(name, exported)] if inspect.isfunction(exported) else []
    if isinstance(exported, type):
        functions += [(key, value) for key, value in public_members(exported) if inspect.isfunction(value)]
    for key, function in functions:
        signature = inspect.signature(function)
        assert signature.return_annotation is not signature.empty, f"{name}.{key} says no return type"
        untyped = [p.name for p in list(signature.parameters.values()) if p.annotation is p.empty and p.name != "self"]
        assert untyped == [], f"{name}.{key} has parameters without a type"


def offered(thing: object) -> list[str]:
    """Return what an object has for others, its attributes included, and whether it can be called."""
    return sorted(name for name in {*dir(type(thing)), *vars(thing)} if name == "__call__" or not name.startswith("_"))


def test_the_queue_offers_what_is_promised_and_nothing_else() -> None:
    assert offered(aioqueue.Queue("memory://")) == sorted([*QUEUE, *INSIDE_QUEUE])


def test_the_reference_has_these_fixtures() -> None:
    assert sorted(name for name in vars(plugin) if name.startswith("aioqueue_")) == sorted(FIXTURES)
    page = (Path(__file__).parent.parent / "docs" / "reference" / "testing.md").read_text(encoding="utf-8")
    assert [name for name, gives in FIXTURES.items() if f"| `{name}` | [`{gives.__name__}`]" not in page] == []


@pytest.mark.parametrize("thing", GIVEN, ids=lambda thing: type(thing).__name__)
def test_what_fixtures_give_offers_what_is_promised_and_nothing_else(thing: object) -> None:
    assert offered(thing) == GIVEN_OFFERS[type(thing)]


@pytest.mark.parametrize("name", SIGNALS)
def test_signals_are_named_in_their_module(name: str) -> None:
    value = getattr(signals, f"SIGNAL_{name}")
    assert value == name.lower().replace("_", "-")
    assert value in signals.NAMES


def test_there_are_no_other_signals() -> None:
    assert sorted(name for name in vars(signals) if name.startswith("SIGNAL_")) == [f"SIGNAL_{n}" for n in SIGNALS]
    assert len(signals.NAMES) == len(SIGNALS)


@pytest.mark.parametrize("name", ["crontab", "cron", "every"])
def test_schedules_have_a_module_of_their_own(name: str) -> None:
    assert getattr(schedules, name) is getattr(aioqueue, name)


@pytest.mark.parametrize("name", BASES)
def test_the_tree_of_errors(name: str) -> None:
    assert tuple(base.__name__ for base in getattr(aioqueue, name).__bases__) == BASES[name]
