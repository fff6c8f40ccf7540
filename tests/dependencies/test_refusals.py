"""What could not be filled in is refused when the task is declared."""

import sys
from collections.abc import Callable
from typing import Annotated, Any

import pytest

from aioqueue import ConfigurationError, Depends, Job, Queue
from tests.dependencies import badly_written


@pytest.fixture
def refused(memory_queue: Queue) -> Callable[..., str]:
    """Declare a task, and return the one line that refuses it."""

    def declare(fn: Callable[..., Any], **options: Any) -> str:
        with pytest.raises(ConfigurationError) as refusal:
            memory_queue.task(**options)(fn)
        assert list(memory_queue.registry) == []
        assert "\n" not in str(refusal.value)
        return str(refusal.value)

    return declare


def test_a_circle(refused: Callable[..., str]) -> None:
    async def task(a: str = Depends(badly_written.egg)) -> None: ...

    assert "dependencies go round in a circle: egg -> hen -> egg" in refused(task)


def test_a_factory_that_asks_for_what_nobody_passes(refused: Callable[..., str]) -> None:
    def open_db(url: str, timeout: int = 5) -> str:
        return url

    async def task(db: str = Depends(open_db)) -> None: ...

    assert "open_db() asks for 'url', which nobody passes: give it a Depends(...) or a default" in refused(task)


def test_a_worker_value_made_of_a_job_value(refused: Callable[..., str]) -> None:
    def settings() -> str:
        return ""

    def pool(settings: str = Depends(settings)) -> str:
        return settings

    async def task(pool: str = Depends(pool, scope="worker")) -> None: ...

    assert 'settings, scope="worker")' in refused(task)


def test_one_factory_for_two_lengths_of_time(refused: Callable[..., str]) -> None:
    def pool() -> str:
        return ""

    async def task(a: str = Depends(pool), b: str = Depends(pool, scope="worker")) -> None: ...

    assert 'pool is asked for with scope="job" and with scope="worker"' in refused(task)


def test_where_the_worker_gives_the_job(refused: Callable[..., str]) -> None:
    async def task(job: Annotated[Job[Any], Depends(dict)], a: int) -> None: ...

    assert "'job' comes first" in refused(task, context=True)


def test_what_cannot_be_given_by_name(refused: Callable[..., str]) -> None:
    async def positional(a: Annotated[int, Depends(int)], /) -> None: ...

    async def before_any_number(a: Annotated[int, Depends(int)], *more: int) -> None: ...

    async def any_number(*more: Annotated[int, Depends(int)]) -> None: ...

    assert "cannot be filled in: it is given by name" in refused(positional)
    assert "put it behind the *arguments" in refused(before_any_number)
    assert "cannot be filled in: it is given by name" in refused(any_number)


def test_more_than_one(refused: Callable[..., str]) -> None:
    async def task(a: Annotated[int, Depends(int)] = Depends(len)) -> None: ...  # type: ignore[assignment]

    assert "'a' has more than one Depends(...)" in refused(task)


def test_no_factory_and_no_class(refused: Callable[..., str]) -> None:
    async def task(a: Any = Depends()) -> None: ...

    assert "Depends() of 'a' takes a function, or a class as annotation" in refused(task)


def test_an_annotation_that_cannot_be_read(refused: Callable[..., str]) -> None:
    assert "the annotation of 'a' cannot be read: name 'Missing' is not defined" in refused(badly_written.unreadable)


def test_an_annotation_that_need_not_be_read(memory_queue: Queue) -> None:
    task = memory_queue.task(badly_written.unread)
    assert task.parameters.names == ("day",)


def test_a_worker_value_in_a_process(memory_queue: Queue) -> None:
    with pytest.raises(ConfigurationError, match='lone with scope="worker" is not there'):
        memory_queue.task(executor="process")(badly_written.in_a_process)


def test_wrong_words() -> None:
    with pytest.raises(TypeError, match="takes a function that makes the value, not 'db'"):
        Depends("db")  # type: ignore[call-overload]
    with pytest.raises(ValueError, match="scope= is one of job, worker, not 'request'"):
        Depends(dict, scope="request")  # type: ignore[call-overload]


def test_a_periodic_task_takes_nothing_else(memory_queue: Queue) -> None:
    from aioqueue import every

    async def beat(day: str, db: str = Depends(lambda: "db")) -> None: ...

    with pytest.raises(ConfigurationError, match="takes no parameters"):
        memory_queue.periodic_task(every(seconds=1))(beat)  # type: ignore[arg-type]


def test_fastapi_is_not_imported_for_this() -> None:
    import subprocess

    program = "import sys, aioqueue; aioqueue.Depends, aioqueue.Queue; print('fastapi' in sys.modules)"
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "False"
