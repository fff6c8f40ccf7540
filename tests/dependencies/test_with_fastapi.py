"""The same factories in handlers and in tasks."""

from collections.abc import AsyncIterator
from typing import Annotated, Any

import fastapi
import httpx
import pytest

from aioqueue import ConfigurationError, Depends, Queue
from aioqueue.frameworks.starlette import lifespan
from tests.frameworks.serving import served

pytestmark = pytest.mark.asyncio


async def open_db() -> AsyncIterator[str]:
    yield "db"


def open_repository(db: Annotated[str, fastapi.Depends(open_db)]) -> str:
    return f"repository on {db}"


Repository = Annotated[str, fastapi.Depends(open_repository)]


async def test_one_alias_for_handlers_and_tasks(memory_queue: Queue) -> None:
    app = fastapi.FastAPI(lifespan=lifespan(memory_queue, worker={}))

    @memory_queue.task
    async def report(day: str, repository: Repository) -> str:
        return f"{day}: {repository}"

    called: Any = report

    @app.get("/{day}")
    async def handler(day: str, repository: Repository) -> list[str]:
        return [repository, await called.call(day)]

    async with served(app) as url, httpx.AsyncClient() as browser:
        said = (await browser.get(f"{url}/monday")).json()
    assert said == ["repository on db", "monday: repository on db"]


async def test_as_a_default_and_overridden(memory_queue: Queue) -> None:
    @memory_queue.task
    async def report(repository: str = fastapi.Depends(open_repository)) -> str:
        return repository

    with memory_queue.override(open_db, lambda: "fake"):
        assert await report.call_local() == "repository on fake"


async def test_use_cache_false_makes_another(memory_queue: Queue) -> None:
    made: list[int] = []

    def count() -> int:
        made.append(1)
        return len(made)

    @memory_queue.task
    async def report(
        a: int = fastapi.Depends(count),
        b: int = fastapi.Depends(count),
        c: int = fastapi.Depends(count, use_cache=False),
    ) -> list[int]:
        return [a, b, c]

    assert await report.call_local() == [1, 1, 2]


async def test_inside_a_value_of_the_worker_it_lives_as_long(memory_queue: Queue) -> None:
    made: list[int] = []

    def settings() -> int:
        made.append(1)
        return len(made)

    def pool(settings: Annotated[int, fastapi.Depends(settings)]) -> int:
        return settings

    @memory_queue.task
    async def report(pool: int = Depends(pool, scope="worker")) -> int:
        return pool

    async with memory_queue, memory_queue.worker():
        assert [await report.call(), await report.call()] == [1, 1]


async def test_what_needs_a_request_is_refused(memory_queue: Queue) -> None:
    def of_a_request(request: fastapi.Request) -> str:
        return str(request.url)

    async def secured(user: str = fastapi.Security(open_db)) -> None: ...

    async def asking(url: str = fastapi.Depends(of_a_request)) -> None: ...

    with pytest.raises(ConfigurationError, match=r"fastapi\.Security needs a request"):
        memory_queue.task(secured)
    with pytest.raises(ConfigurationError, match="asks for 'request', which nobody passes"):
        memory_queue.task(asking)
