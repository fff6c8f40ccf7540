"""What is imported when: a probe and `--help` must not pay for what they do not use."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest

import aioqueue
from tests.cli.processes import ROOT

# What imports the rest of the package, and what makes up most of the time that takes.
HEAVY = {"anyio", "asyncio", "click", "hiredis", "msgspec", "redis", "rich", "sqlite3", "uvloop"}
DRIVERS = {"redis", "hiredis", "sqlite3"}


def modules_after(source: str, *arguments: str) -> set[str]:
    """Return the modules that a fresh process has imported beyond Python's own after running `source`."""
    script = f"import sys\nbefore = set(sys.modules)\ntry:\n    {source}\nexcept SystemExit: pass\n"
    script += "print('imported:', *sorted(set(sys.modules) - before))"
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments], env={"PYTHONPATH": ROOT}, capture_output=True, text=True, check=True
    )
    return set(done.stdout.rpartition("imported:")[2].split())


def command_line(*arguments: str) -> set[str]:
    return modules_after("from aioqueue.cli.entry import main; main()", *arguments)


def packages(modules: set[str]) -> set[str]:
    return {name.partition(".")[0] for name in modules}


# ---------------------------------------------------------------- what it costs
def test_importing_the_package_imports_nothing() -> None:
    assert modules_after("import aioqueue") - {"__future__"} == {"aioqueue"}


@pytest.mark.parametrize("arguments", [("--help",), ("check", "--help"), ("--version",)], ids=" ".join)
def test_help_imports_no_driver_and_no_queue(arguments: tuple[str, ...]) -> None:
    imported = command_line(*arguments)
    assert "click" in imported
    assert packages(imported) & (HEAVY - {"click", "asyncio"}) == set()
    assert not {name for name in imported if name.startswith("aioqueue.drivers")}
    assert "aioqueue.queue" not in imported


def test_help_of_the_worker_imports_no_driver() -> None:
    assert packages(command_line("worker", "--help")) & DRIVERS == set()


@pytest.mark.parametrize(
    "arguments", [("--pidfile", "/nowhere"), ("--title", "nobody is called so"), ("--port", "1")], ids=" ".join
)
def test_a_probe_needs_the_standard_library_only(arguments: tuple[str, ...]) -> None:
    imported = command_line("check", *arguments)
    assert packages(imported) & HEAVY == set()
    assert packages(imported) <= {"aioqueue", *sys.stdlib_module_names}


def test_a_probe_of_a_pidfile_imports_hardly_anything() -> None:
    ours = {name for name in command_line("check", "--pidfile", "/nowhere") if name.startswith("aioqueue")}
    assert ours == {
        "aioqueue",
        "aioqueue.cli",
        "aioqueue.cli.check",
        "aioqueue.cli.check.lock",
        "aioqueue.cli.check.probes",
        "aioqueue.cli.check.report",
        "aioqueue.cli.entry",
        "aioqueue.cli.pidfile",
    }
    assert len(command_line("check", "--pidfile", "/nowhere") - ours) <= 3


def test_a_queue_on_redis_imports_redis_when_it_is_made() -> None:
    assert packages(modules_after("from aioqueue import Queue")) & DRIVERS == set()
    assert "redis" in modules_after("from aioqueue import Queue; Queue('redis://localhost')")


# ---------------------------------------------------------------- what it still is
def test_every_name_is_there_and_is_the_one_of_its_module() -> None:
    homes = vars(aioqueue)["_HOMES"]
    assert sorted(name for names in homes.values() for name in names) == sorted(aioqueue.__all__)
    for module, names in homes.items():
        for name in names:
            assert getattr(aioqueue, name) is getattr(importlib.import_module(module), name)


def test_each_name_can_be_the_first_that_is_imported() -> None:
    script = (
        "import sys\n"
        "for name in sys.argv[1:]:\n"
        "    for module in [module for module in sys.modules if module.split('.')[0] == 'aioqueue']:\n"
        "        del sys.modules[module]\n"
        "    exec(f'from aioqueue import {name}')\n"
    )
    homes = vars(aioqueue)["_HOMES"]
    first_of_each_module = [names[0] for names in homes.values()]
    subprocess.run([sys.executable, "-c", script, *first_of_each_module], env={"PYTHONPATH": ROOT}, check=True)


def test_names_are_listed_and_can_be_starred() -> None:
    assert set(aioqueue.__all__) <= set(dir(aioqueue))
    assert {"schedules", "signals", "__doc__", "__path__"} <= set(dir(aioqueue))
    assert "TYPE_CHECKING" not in dir(aioqueue)
    names: dict[str, object] = {}
    exec("from aioqueue import *", names)
    assert set(aioqueue.__all__) <= set(names)


def test_a_module_of_the_public_face_needs_no_import_of_its_own() -> None:
    imported = modules_after("import aioqueue; aioqueue.signals.SIGNAL_COMPLETE; aioqueue.schedules.crontab")
    assert {"aioqueue.signals", "aioqueue.schedules"} <= imported


def test_a_name_that_is_not_there_is_an_error_that_names_it() -> None:
    with pytest.raises(AttributeError, match="module 'aioqueue' has no attribute 'Brocker'"):
        _ = aioqueue.Brocker  # type: ignore[attr-defined]
    with pytest.raises(ImportError, match="Brocker"):
        exec("from aioqueue import Brocker")
    assert not hasattr(aioqueue, "__wrapped__")
