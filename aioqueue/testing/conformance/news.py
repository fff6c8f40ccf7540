"""News: lossy, for whoever is there, in every process; and whether anyone is."""

from __future__ import annotations

import asyncio

from aioqueue.drivers.base import EVENTS_TOPIC, LARGEST_NEWS, Driver
from aioqueue.testing.conformance.stage import Stage
from aioqueue.testing.conformance.steps import BOUND, EVERY_BYTE, hire, plain, take


class Reader:
    """What one driver has heard."""

    def __init__(self) -> None:
        self._heard: asyncio.Queue[tuple[str, bytes]] = asyncio.Queue()

    def hear(self, topic: str, data: bytes) -> None:
        """Keep what was published."""
        self._heard.put_nowait((topic, data))

    async def hears(self, topic: str, *data: bytes) -> None:
        """Check that this, and nothing else, is heard next, in this order."""
        async with asyncio.timeout(BOUND):
            assert [await self._heard.get() for _ in data] == [(topic, each) for each in data]


async def reading(driver: Driver, *topics: str) -> Reader:
    """Subscribe to topics."""
    reader = Reader()
    for topic in topics:
        await driver.subscribe(topic, reader.hear)
    return reader


def events_are_heard(driver: Driver) -> bool:
    """Ask a driver for what it was told of the audience of events."""
    return driver.audience


async def check_nobody_is_told(stage: Stage) -> None:
    driver, other = await stage.driver(), await stage.driver()
    await reading(other, "other topic")
    assert await driver.publish("topic", b"data") == 0


async def check_subscribers_hear_of_a_topic_in_order(stage: Stage) -> None:
    publisher, *drivers = [await stage.driver() for _ in range(3)]
    readers = [await reading(driver, "topic") for driver in (*drivers, publisher)]
    lot = [b"", EVERY_BYTE, b"third"]
    for data in lot:
        assert await publisher.publish("topic", data) >= 3
    for reader in readers:
        await reader.hears("topic", *lot)


async def check_only_what_is_published_from_now_on_is_heard(stage: Stage) -> None:
    publisher, driver = await stage.driver(), await stage.driver()
    await publisher.publish("topic", b"before")
    reader = await reading(driver, "topic")
    await publisher.publish("topic", b"after")
    await reader.hears("topic", b"after")


async def check_topics_are_apart(stage: Stage) -> None:
    publisher, driver = await stage.driver(), await stage.driver()
    reader = await reading(driver, "one", "two")
    await publisher.publish("two", b"first")
    await publisher.publish("three", b"unheard")
    await publisher.publish("one", b"second")
    await reader.hears("two", b"first")
    await reader.hears("one", b"second")


async def check_whoever_unsubscribes_hears_no_more(stage: Stage) -> None:
    publisher, driver = await stage.driver(), await stage.driver()
    reader = await reading(driver, "topic", "end")
    await driver.unsubscribe("topic")
    await driver.unsubscribe("topic")
    await driver.unsubscribe("unheard-of")
    assert await publisher.publish("topic", b"unheard") == 0
    await publisher.publish("end", b"heard")
    await reader.hears("end", b"heard")
    await driver.subscribe("topic", reader.hear)
    await publisher.publish("topic", b"again")
    await reader.hears("topic", b"again")


async def check_a_later_subscription_takes_the_place_of_the_earlier(stage: Stage) -> None:
    publisher, driver = await stage.driver(), await stage.driver()
    earlier = await reading(driver, "topic", "end")
    later = await reading(driver, "topic")
    await publisher.publish("topic", b"once")
    await publisher.publish("end", b"end")
    await later.hears("topic", b"once")
    await earlier.hears("end", b"end")


async def check_one_who_unsubscribes_leaves_the_others(stage: Stage) -> None:
    publisher, leaver, stayer = [await stage.driver() for _ in range(3)]
    await reading(leaver, "topic")
    reader = await reading(stayer, "topic")
    await leaver.unsubscribe("topic")
    assert await publisher.publish("topic", b"data") >= 1
    await reader.hears("topic", b"data")


async def check_a_closed_driver_hears_nothing(stage: Stage) -> None:
    publisher, driver = await stage.driver(), await stage.driver()
    reader = await reading(driver, "topic")
    await driver.close()
    assert await publisher.publish("topic", b"unheard") == 0
    await driver.open()
    await driver.subscribe("topic", reader.hear)
    await publisher.publish("topic", b"heard")
    await reader.hears("topic", b"heard")


async def check_news_are_not_large(stage: Stage) -> None:
    publisher, driver = await stage.driver(), await stage.driver()
    reader = await reading(driver, "topic")
    await publisher.publish("topic", bytes(LARGEST_NEWS))
    try:
        await publisher.publish("topic", bytes(LARGEST_NEWS + 1))
    except ValueError:
        await publisher.publish("topic", b"end")
    else:
        raise AssertionError("too large, and yet it was published")
    await reader.hears("topic", bytes(LARGEST_NEWS), b"end")


async def check_a_burst_is_heard(stage: Stage) -> None:
    publisher, driver = await stage.driver(), await stage.driver()
    reader = await reading(driver, "topic")
    burst = [b"%d" % number for number in range(200)]
    for data in burst:
        await publisher.publish("topic", data)
    await reader.hears("topic", *burst)


async def check_queues_keep_their_news_apart(stage: Stage) -> None:
    one, other = await stage.driver("one"), await stage.driver("other")
    reader = await reading(one, "topic")
    assert await other.publish("topic", b"unheard") == 0
    await one.publish("topic", b"heard")
    await reader.hears("topic", b"heard")


async def check_topics_are_any_text(stage: Stage) -> None:
    publisher, driver = await stage.driver(), await stage.driver()
    topics = ["é✓😀", "a:b", "{tag}", "%s", "'\"", "x" * 300, "*", "h?llo"]
    reader = await reading(driver, *topics)
    for topic in topics:
        await publisher.publish(topic, topic.encode())
        await reader.hears(topic, topic.encode())


async def check_a_driver_knows_whether_events_are_heard(stage: Stage) -> None:
    driver, other = await stage.driver(), await stage.driver()
    await hire(driver)
    assert not events_are_heard(driver)
    await driver.enqueue(plain("a"))
    assert not events_are_heard(driver)
    await reading(other, "topic")
    await driver.enqueue(plain("b"))
    assert not events_are_heard(driver)
    await reading(other, EVENTS_TOPIC)
    await driver.enqueue(plain("c"))
    assert events_are_heard(driver)
    await other.unsubscribe(EVENTS_TOPIC)
    await driver.enqueue(plain("d"))
    assert not events_are_heard(driver)


async def check_a_claim_tells_whether_events_are_heard(stage: Stage) -> None:
    driver, other = await stage.driver(), await stage.driver()
    await hire(driver)
    await reading(other, EVENTS_TOPIC)
    assert await take(driver, batch=1) == []
    assert events_are_heard(driver)
    await other.close()
    await driver.enqueue(plain("a"))
    await take(driver, batch=2)
    assert not events_are_heard(driver)


async def check_a_driver_is_its_own_audience(stage: Stage) -> None:
    driver = await stage.driver()
    await reading(driver, EVENTS_TOPIC)
    await driver.enqueue(plain("a"))
    assert events_are_heard(driver)


async def check_the_audience_of_another_queue_does_not_count(stage: Stage) -> None:
    one, other = await stage.driver("one"), await stage.driver("other")
    await reading(other, EVENTS_TOPIC)
    await one.enqueue(plain("a"))
    assert not events_are_heard(one)
