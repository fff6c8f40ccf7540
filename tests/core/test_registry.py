"""Names of tasks, and what cannot be one."""

from __future__ import annotations

import functools
import importlib
import subprocess
import sys
import types
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from aioqueue import ConfigurationError, Queue
from aioqueue.registry import task_name


def at_module_level(a: int) -> int:
    return a


def same_line() -> Callable[[], int]:
    def fn() -> int:
        return 1

    return fn


class Service:
    def method(self, a: int) -> None: ...

    @classmethod
    def of_the_class(cls, a: int) -> None: ...

    @staticmethod
    def static(a: int) -> int:
        return a

    def __call__(self, a: int) -> None: ...


def generator() -> Iterator[int]:
    yield 1


async def async_generator() -> AsyncIterator[int]:
    yield 1


def test_a_task_is_named_after_its_module_and_function(memory_queue: Queue) -> None:
    assert memory_queue.task(at_module_level).name == f"{__name__}.at_module_level"
    assert memory_queue.task(Service.static).name == f"{__name__}.Service.static"
    assert memory_queue.task(name="chosen")(at_module_level).name == "chosen"


@pytest.mark.parametrize(
    "fn", [Service.method, Service().method, Service.of_the_class], ids=["function", "bound", "class"]
)
def test_methods_are_refused(memory_queue: Queue, fn: Any) -> None:
    with pytest.raises(ConfigurationError, match="method"):
        memory_queue.task(fn)


@pytest.mark.parametrize("fn", [generator, async_generator])
def test_generators_are_refused(memory_queue: Queue, fn: Any) -> None:
    with pytest.raises(ConfigurationError, match="generator"):
        memory_queue.task(fn)


@pytest.mark.parametrize("fn", [None, 3, "name", Service, int], ids=str)
def test_what_is_no_function_is_refused(memory_queue: Queue, fn: Any) -> None:
    with pytest.raises(TypeError, match="function"):
        memory_queue.task()(fn)


@pytest.mark.parametrize("fn", [functools.partial(at_module_level, 1), Service()], ids=["partial", "instance"])
def test_a_callable_without_a_name_is_refused_in_a_sentence(memory_queue: Queue, fn: Any) -> None:
    with pytest.raises((TypeError, ConfigurationError), match="task"):
        memory_queue.task(fn)


def test_a_process_task_must_be_importable(memory_queue: Queue) -> None:
    decorate: Any = memory_queue.task(executor="process")
    with pytest.raises(ConfigurationError, match="module level"):
        decorate(lambda: 1)
    with pytest.raises(ConfigurationError, match="module level"):
        decorate(same_line())


def test_a_coroutine_function_has_no_executor(memory_queue: Queue) -> None:
    async def fn() -> None: ...

    for executor in ("thread", "process"):
        decorate: Any = memory_queue.task(executor=executor)
        with pytest.raises(ConfigurationError, match="coroutine"):
            decorate(fn)


def test_locals_and_lambdas_may_run_in_threads(memory_queue: Queue) -> None:
    assert (
        memory_queue.task(lambda: 1).name == f"{__name__}.test_locals_and_lambdas_may_run_in_threads.<locals>.<lambda>"
    )


def test_two_functions_of_one_name_are_refused(memory_queue: Queue) -> None:
    memory_queue.task(name="one")(at_module_level)
    with pytest.raises(ConfigurationError, match=r"'one'.*test_registry\.py:\d+.*test_registry\.py:\d+"):
        memory_queue.task(name="one")(Service.static)

    def fn() -> int:
        return 1

    memory_queue.task(fn)

    def fn() -> int:  # type: ignore[no-redef]
        return 2

    with pytest.raises(ConfigurationError, match="two functions"):
        memory_queue.task(fn)


def test_two_queues_may_have_tasks_of_one_name(memory_queue: Queue) -> None:
    memory_queue.task(name="one")(at_module_level)
    Queue("memory://").task(name="one")(Service.static)


def test_one_definition_made_anew_replaces_the_old_one(memory_queue: Queue) -> None:
    memory_queue.task(same_line())
    second = memory_queue.task(same_line())
    assert list(memory_queue.registry) == [second]


def test_decorating_one_function_twice_replaces_it(memory_queue: Queue) -> None:
    memory_queue.task(at_module_level)
    second = memory_queue.task(retries=1)(at_module_level)
    assert list(memory_queue.registry) == [second]


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], types.ModuleType]]:
    """Write, import and reload a module that registers at a queue kept elsewhere."""
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def write(source: str) -> types.ModuleType:
        (tmp_path / "reloaded_tasks.py").write_text(source)
        importlib.invalidate_caches()
        if "reloaded_tasks" in sys.modules:
            return importlib.reload(sys.modules["reloaded_tasks"])
        return importlib.import_module("reloaded_tasks")

    yield write
    sys.modules.pop("reloaded_tasks", None)


def test_a_reloaded_module_replaces_its_tasks(
    module: Callable[[str], types.ModuleType], memory_queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.core.test_registry.SHARED", memory_queue, raising=False)
    sys.modules.setdefault("tests.core.test_registry", sys.modules[__name__])
    source = "from tests.core.test_registry import SHARED\n{}@SHARED.task\ndef job():\n    return {}\n"
    module(source.format("", 1))
    module(source.format("# a line more\n" * 3, 2))
    assert [task.fn() for task in memory_queue.registry] == [2]


def test_a_module_imported_anew_replaces_its_tasks(
    module: Callable[[str], types.ModuleType], memory_queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.core.test_registry.SHARED", memory_queue, raising=False)
    sys.modules.setdefault("tests.core.test_registry", sys.modules[__name__])
    source = "from tests.core.test_registry import SHARED\n{}@SHARED.task\ndef job():\n    return {}\n"
    module(source.format("", 1))
    del sys.modules["reloaded_tasks"]
    module(source.format("# a line more\n" * 3, 2))
    assert [task.fn() for task in memory_queue.registry] == [2]


# ---------------------------------------------------------------- __main__
SCRIPT = """
from aioqueue import Queue
queue = Queue("memory://")
@queue.task
def job() -> int: return 1
if __name__ == "__main__": print(job.name)
"""


@pytest.mark.parametrize(
    ("command", "name"),
    [
        (["demo.py"], "demo.job"),
        (["-m", "demo"], "demo.job"),
        (["-m", "shop.jobs"], "shop.jobs.job"),
        (["-m", "shop"], "shop.job"),
    ],
)
def test_main_is_replaced_by_the_modules_real_name(tmp_path: Path, command: list[str], name: str) -> None:
    (tmp_path / "demo.py").write_text(SCRIPT)
    shop = tmp_path / "shop"
    shop.mkdir()
    (shop / "__init__.py").touch()
    for file in ("jobs.py", "__main__.py"):
        (shop / file).write_text(SCRIPT)
    assert run_python(tmp_path, *command) == name


def test_in_main_a_task_may_be_defined_again(tmp_path: Path) -> None:
    (tmp_path / "again.py").write_text(
        "from aioqueue import Queue\nqueue = Queue('memory://')\n"
        "@queue.task\ndef job(): return 1\n"
        "@queue.task\ndef job(): return 2\n"
        "print([task.fn() for task in queue.registry])\n"
    )
    assert run_python(tmp_path, "again.py") == "[2]"


def test_a_spawned_child_of_main_names_tasks_alike(tmp_path: Path) -> None:
    (tmp_path / "demo.py").write_text(
        "import multiprocessing\nfrom aioqueue import Queue\nqueue = Queue('memory://')\n"
        "@queue.task\ndef job(): return 1\n"
        "def tell(): print(job.name, flush=True)\n"
        "if __name__ == '__main__':\n"
        "    child = multiprocessing.get_context('spawn').Process(target=tell)\n"
        "    child.start()\n    child.join()\n"
    )
    assert run_python(tmp_path, "demo.py") == "demo.job"


def run_python(directory: Path, *command: str) -> str:
    import os

    import aioqueue

    root = str(Path(aioqueue.__file__).parent.parent)
    run = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error", *command],
        cwd=directory,
        env={**os.environ, "PYTHONPATH": root},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert run.stderr == ""
    return run.stdout.strip()


def test_a_name_is_checked() -> None:
    assert task_name(at_module_level, "a.b:c-d_e<f>") == "a.b:c-d_e<f>"
    with pytest.raises(ConfigurationError, match="name"):
        task_name(at_module_level, "a b")
