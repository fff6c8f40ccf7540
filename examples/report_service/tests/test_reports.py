"""What an application that enqueues is tested for: what goes in, what a worker makes of it, what its users see."""

from unittest.mock import ANY

import pytest
from httpx import AsyncClient, Response

from aioqueue import Job, TaskException
from aioqueue.testing.clock import Clocks
from aioqueue.testing.enqueued import Enqueued
from aioqueue.testing.stores import StoreSwap
from aioqueue.testing.workers import Workers
from report_service.tasks import KEPT, make_report, queue

PEOPLE = b"name,age\nAda,36\nGrace,85\n"
BROKEN = b"name,age\n" + b"Ada,36\n" * 10 + b"Grace\n"


async def uploaded(client: AsyncClient, content: bytes) -> Response:
    return await client.post("/reports", files={"file": ("people.csv", content)})


async def test_an_upload_enqueues_one_job(client: AsyncClient, aioqueue_enqueued: Enqueued) -> None:
    answer = await uploaded(client, PEOPLE)
    job: Job[object] = aioqueue_enqueued.assert_enqueued(make_report, ANY, "people.csv")
    assert (answer.status_code, answer.headers["Location"]) == (303, f"/reports/{job.id}")


@pytest.mark.parametrize("content", [b"", b"name,age\n", b"\x89PNG", b"a,b\n1\n"])
async def test_a_bad_upload_enqueues_nothing(client: AsyncClient, aioqueue_enqueued: Enqueued, content: bytes) -> None:
    assert (await uploaded(client, content)).status_code in (400, 415)
    aioqueue_enqueued.none()


async def test_the_page_shows_progress_and_then_the_report(client: AsyncClient, aioqueue_worker: Workers) -> None:
    page = (await uploaded(client, PEOPLE)).headers["Location"]
    waiting = await client.get(page)
    assert (waiting.status_code, "<progress" in waiting.text) == (202, True)
    await aioqueue_worker(queue).drain(raise_errors=True)
    shown = await client.get(page)
    assert (shown.status_code, "2 rows, 2 columns" in shown.text) == (200, True)
    assert '"rows":2' in (await client.get(f"{page}/progress")).text


async def test_a_file_that_turns_out_bad(client: AsyncClient, aioqueue_worker: Workers) -> None:
    page = (await uploaded(client, BROKEN)).headers["Location"]
    with pytest.raises(TaskException, match="line 12 has 1 fields"):
        await aioqueue_worker(queue).drain(raise_errors=True)
    shown = await client.get(page)
    assert (shown.status_code, "line 12 has 1 fields" in shown.text) == (422, True)


async def test_a_program_is_answered_when_the_report_is_ready(client: AsyncClient, aioqueue_worker: Workers) -> None:
    async with aioqueue_worker(queue):
        answer = await client.post("/api/reports", files={"file": ("people.csv", PEOPLE)})
    assert (answer.status_code, answer.json()["rows"]) == (200, 2)


async def test_a_report_is_kept_for_a_day(
    client: AsyncClient, aioqueue_worker: Workers, aioqueue_clock: Clocks
) -> None:
    page = (await uploaded(client, PEOPLE)).headers["Location"]
    await aioqueue_worker(queue).drain(raise_errors=True)
    await aioqueue_clock(queue).advance(KEPT + 1)
    assert (await client.get(page)).status_code == 404


async def test_on_every_store(client: AsyncClient, aioqueue_driver: StoreSwap, aioqueue_worker: Workers) -> None:
    aioqueue_driver(queue)
    page = (await uploaded(client, PEOPLE)).headers["Location"]
    await aioqueue_worker(queue).drain(raise_errors=True)
    assert (await client.get(page)).status_code == 200
