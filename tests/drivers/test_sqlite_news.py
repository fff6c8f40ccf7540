"""News on SQLite: over the doorbells, in a table that stays small, and nothing where nobody listens."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from aioqueue.drivers.base import EVENTS_TOPIC
from aioqueue.drivers.sqlite import SqliteDriver, bell, notes, topics, writer
from aioqueue.drivers.sqlite.handover import HandOver
from aioqueue.drivers.sqlite.transaction import Transaction
from aioqueue.errors import StoreUnavailable
from tests.drivers.test_sqlite_store import child, heard, opened, path, plain, raw, tell, value_of

__all__ = ["path"]

LAST = 9


class Subscriber:
    """Remembers the news it heard."""

    def __init__(self) -> None:
        self.news: asyncio.Queue[tuple[str, bytes]] = asyncio.Queue()

    def hear(self, topic: str, data: bytes) -> None:
        self.news.put_nowait((topic, data))

    async def hears(self) -> tuple[str, bytes]:
        async with asyncio.timeout(30):
            return await self.news.get()


@pytest.mark.asyncio
async def test_news_travel_between_processes_in_their_order(path: Path) -> None:
    program = """
        async def main():
            driver = SqliteDriver(sys.argv[1])
            await driver.open()
            say("ready")
            await asyncio.to_thread(sys.stdin.readline)
            for n in range(200):
                assert await driver.publish("topic", b"%d" % n) == 1
            await driver.close()
        asyncio.run(main())
    """
    subscriber = Subscriber()
    async with opened(path) as driver, child(program, path) as process:
        assert await heard(process) == "ready"
        await driver.subscribe("topic", subscriber.hear)
        tell(process)
        assert [await subscriber.hears() for _ in range(200)] == [("topic", b"%d" % n) for n in range(200)]
        assert await process.wait() == 0


@pytest.mark.asyncio
async def test_news_that_nobody_elsewhere_hears_are_not_written(path: Path) -> None:
    subscriber = Subscriber()
    async with opened(path) as driver:
        assert await driver.publish("topic", b"nobody") == 0
        await driver.subscribe("topic", subscriber.hear)
        assert await driver.publish("topic", b"myself") == 1
        assert await subscriber.hears() == ("topic", b"myself")
    assert value_of(path, "SELECT count(*) FROM sqlite_sequence WHERE name = 'news'") == 0


@pytest.mark.asyncio
async def test_a_subscriber_that_raises_is_not_the_publishers_matter(path: Path) -> None:
    def fail(topic: str, data: bytes) -> None:
        raise RuntimeError(topic)

    errors: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: errors.append(context["exception"]))
    subscriber = Subscriber()
    async with opened(path) as one, opened(path) as other:
        await other.subscribe("bad", fail)
        await other.subscribe("good", subscriber.hear)
        await one.publish("bad", b"")
        await other.publish("bad", b"")
        await one.publish("good", b"data")
        assert await subscriber.hears() == ("good", b"data")
    assert len(errors) == 2


@pytest.mark.asyncio
async def test_without_sockets_news_arrive_by_polling(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bell, "_bound_socket", lambda _: None)
    subscriber = Subscriber()
    async with opened(path) as one, opened(path) as other:
        await other.subscribe("topic", subscriber.hear)
        await one.publish("topic", b"data")
        assert await subscriber.hears() == ("topic", b"data")


@pytest.mark.asyncio
async def test_news_stay_few(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(topics, "NEWS_KEPT", 10)
    async with opened(path) as one, opened(path) as other:
        await other.subscribe("topic", lambda *_: None)
        for _ in range(20):
            await one.publish("topic", b"data")
        assert value_of(path, "SELECT count(*) FROM news") == 10
        monkeypatch.setattr(writer, "PURGE_EVERY", -1.0)
        one._opened._writer._purge_at = 0.0
        await one.shift(100)
        await one.now()
        assert value_of(path, "SELECT count(*) FROM news") == 0


@pytest.mark.asyncio
async def test_a_subscription_ends_with_its_driver(path: Path) -> None:
    async with opened(path) as one:
        async with opened(path) as other:
            await other.subscribe("topic", lambda *_: None)
            assert await one.publish("topic", b"") == 1
        assert await one.publish("topic", b"") == 0


@pytest.mark.asyncio
async def test_a_dead_subscriber_is_forgotten(path: Path) -> None:
    async with opened(path) as driver:
        own = value_of(path, "SELECT address FROM bells")
        lost = Path(own).with_name("lost-" + own.rpartition("-")[2])
        with raw(path) as connection:
            connection.execute("INSERT INTO bells (number, queue, address) VALUES (99, 1, ?)", [str(lost)])
            connection.execute("INSERT INTO subscriptions VALUES (1, 'topic', 99, 0)")
        assert await driver.publish("topic", b"") == 1
        await driver.now()  # behind the ring
        assert await driver.publish("topic", b"") == 0


@pytest.mark.asyncio
async def test_every_answer_tells_of_an_audience(path: Path) -> None:
    async with opened(path) as one, opened(path) as other:
        assert not one.audience
        await other.subscribe(EVENTS_TOPIC, lambda *_: None)
        await one.enqueue([])
        assert not one.audience
        await one.enqueue(plain("a"))
        assert one.audience
        await other.unsubscribe(EVENTS_TOPIC)
        await one.claim("nobody", 1, 1, 1)
        assert not one.audience


@pytest.mark.asyncio
async def test_notes_are_numbered_kept_and_told(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notes, "NOTES_KEPT", 3)
    here, elsewhere = Subscriber(), Subscriber()
    async with opened(path) as one, opened(path) as other:
        await one.subscribe("notes:a", here.hear)
        await other.subscribe("notes:a", elsewhere.hear)
        assert [await one.note("a", b"%d" % n, 100) for n in range(1, 6)] == [1, 2, 3, 4, 5]
        assert [await here.hears() for _ in range(5)] == [await elsewhere.hears() for _ in range(5)]
        assert await other.notes("a", 0) == [(3, b"3"), (4, b"4"), (5, b"5")]
        assert await other.notes("a", 4) == [(5, b"5")]
        await one.note("b", b"", 100)
        await one.shift(200)
        assert await one.notes("a", 0) == []
        assert await one.note("a", b"anew", 100) == 1
        assert await one.notes("a", 0) == [(1, b"anew")]
        monkeypatch.setattr(writer, "PURGE_EVERY", -1.0)
        one._opened._writer._purge_at = 0.0
        await one.now()
        await one.now()
        assert value_of(path, "SELECT count(*) FROM notes") == value_of(path, "SELECT count(*) FROM notebooks") == 1
        with pytest.raises(ValueError, match="4096"):
            await one.note("a", bytes(4_097), 100)


@pytest.mark.asyncio
async def test_subscribing_in_a_file_that_replaced_another_is_tried_again(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    subscriber, subscribe, tries = Subscriber(), topics.subscribe, 0

    def fail_at_first(transaction: Transaction, topic: str) -> None:
        nonlocal tries
        tries += 1
        if tries == 1:
            raise StoreUnavailable("the disk is full")
        subscribe(transaction, topic)

    async with opened(path) as driver, opened(path) as other:
        await driver.subscribe("topic", subscriber.hear)
        monkeypatch.setattr(topics, "subscribe", fail_at_first)
        await replace_file(path, driver)
        await publish_to_one(other, b"anew")
        assert await subscriber.hears() == ("topic", b"anew")
    assert tries == 2


@pytest.mark.asyncio
@pytest.mark.parametrize("meanwhile", [topics.subscribe, topics.news_since])
async def test_a_file_that_is_replaced_while_it_is_worked_on(
    path: Path, monkeypatch: pytest.MonkeyPatch, meanwhile: Callable[..., Any]
) -> None:
    """What is true of a file that is gone is not taken for true of the one that took its place."""
    subscriber, gone = Subscriber(), asyncio.Event()

    def replaced_after(work: Callable[..., Any]) -> Callable[..., Any]:
        async def working(self: HandOver, operation: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
            answer = await work(self, operation, *arguments, **options)
            if operation is meanwhile and not gone.is_set() and is_complete(answer):
                gone.set()
                await replace_file(path, driver)
            return answer

        return working

    async with opened(path) as driver, opened(path) as other:
        await driver.subscribe("topic", subscriber.hear)
        for name in ("read", "write"):
            monkeypatch.setattr(HandOver, name, replaced_after(getattr(HandOver, name)))
        if meanwhile is topics.subscribe:
            await replace_file(path, driver)
        else:
            for _ in range(LAST):
                await other.publish("topic", b"old")
        async with asyncio.timeout(30):
            await gone.wait()
        await publish_to_one(other, b"anew")
        async with asyncio.timeout(30):
            while await subscriber.hears() != ("topic", b"anew"):
                pass


def is_complete(answer: Any) -> bool:
    """Whether a subscription is written, or the last of the old news is read."""
    return answer is None or bool(answer and answer[-1].number == LAST)


async def replace_file(path: Path, driver: SqliteDriver) -> None:
    """Remove the file, and have the driver make another, without what it had asked of the old one."""
    for file in path.parent.glob("queue.db*"):
        file.unlink()
    await driver.put("key", b"value")


async def publish_to_one(driver: SqliteDriver, data: bytes) -> None:
    """Publish as soon as another driver subscribes."""
    async with asyncio.timeout(30):
        while await driver.publish("topic", data) == 0:  # noqa: ASYNC110 -- that happens behind our back
            await asyncio.sleep(0.001)
