"""What the Redis driver does when the server or the way to it fails: lost replies, restarts, stalls, refusals."""

from __future__ import annotations

import asyncio
import math
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from typing import TypeVar

import pytest
from redis import Redis

from aioqueue.drivers.base import EVENTS_TOPIC, Admitted, Again, Claim, Ended, Finished, NewJob, Settled
from aioqueue.drivers.redis import RedisDriver
from aioqueue.drivers.redis import connections as connections_module
from aioqueue.drivers.redis import driver as driver_module
from aioqueue.drivers.redis import exchange as exchange_module
from aioqueue.drivers.redis import subscriptions as subscriptions_module
from aioqueue.errors import AioqueueError, ConfigurationError, StoreUnavailable
from aioqueue.ids import new_id
from aioqueue.states import JobState
from tests.servers import RedisServer, redis_server

pytestmark = pytest.mark.asyncio
T = TypeVar("T")


class Way:
    """A loopback proxy before a server.

    It can swallow one reply and break the connection instead, say what is in `refusals` instead, carry only `rate`
    bytes a second each way, and carry no more than `reach` bytes of replies.
    """

    def __init__(self, server_port: int) -> None:
        self._server_port = server_port
        self._swallow = False
        self._serving: set[asyncio.Task[None]] = set()
        self.port = 0
        self.refusals: list[bytes] = []
        self.rate = math.inf
        self.reach = math.inf

    def lose_next_reply(self) -> None:
        self._swallow = True

    def lead_to(self, server_port: int) -> None:
        """Let connections to come lead to another server."""
        self._server_port = server_port

    def lost(self) -> bool:
        return not self._swallow

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        listening = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = listening.sockets[0].getsockname()[1]
        try:
            yield
        finally:
            listening.close()
            await asyncio.gather(*self._serving)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving = asyncio.current_task()
        assert serving is not None
        self._serving.add(serving)
        server_reader, server_writer = await asyncio.open_connection("127.0.0.1", self._server_port)
        there = asyncio.create_task(self._carry(reader, server_writer))
        await self._carry_back(server_reader, writer)
        for end in (writer, server_writer):
            end.close()
            with suppress(ConnectionError):
                await end.wait_closed()
        await there
        self._serving.discard(serving)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(65_536):
                writer.write(data)
                await writer.drain()
                await asyncio.sleep(len(data) / self.rate)
        writer.close()

    async def _carry_back(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(65_536):
                # A handshake's reply, or that a script is unknown, is not the reply that is meant.
                if self._swallow and not data.startswith((b"-", b"+OK")):
                    self._swallow = False
                    return
                if self.refusals and not data.startswith((b"-", b"+OK")):
                    data = self.refusals.pop(0) + b"\r\n"
                if self.reach <= 0:
                    continue
                self.reach -= len(data)
                writer.write(data)
                await writer.drain()
                await asyncio.sleep(len(data) / self.rate)


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    """A server for this file alone: its tests stop it."""
    with redis_server() as server:
        yield server


@asynccontextmanager
async def opened(url: str, queue: str | None = None) -> AsyncIterator[RedisDriver]:
    driver = RedisDriver(url, queue or new_id())
    await driver.open()
    try:
        yield driver
    finally:
        await driver.close()


async def until(condition: Callable[[], bool]) -> None:
    """Wait for something in the server, which tells nobody of it."""
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.001)


def clients(store: Redis) -> set[str]:
    return {client["id"] for client in store.client_list()}


def waiters(store: Redis) -> int:
    return sum("b" in client["flags"] for client in store.client_list())


def success(claim: Claim) -> Finished:
    return Finished(claim.id, claim.token, JobState.SUCCEEDED, b"value", 60)


async def test_an_operation_whose_reply_is_lost_may_be_repeated(server: RedisServer) -> None:
    way = Way(server.port)

    async def with_lost_reply(operation: Callable[[], Awaitable[T]]) -> T:
        way.lose_next_reply()
        with pytest.raises(StoreUnavailable):
            await operation()
        assert way.lost()
        return await operation()

    async with way.open(), opened(f"redis://127.0.0.1:{way.port}") as driver:
        await with_lost_reply(lambda: driver.register("worker", 30, b""))
        jobs = [NewJob(name, "task", b"") for name in "abcd"]
        assert await with_lost_reply(lambda: driver.enqueue(jobs)) == [Admitted("present", name) for name in "abcd"]
        claimed = await with_lost_reply(lambda: driver.claim("worker", 1, 3, 1))
        a, b, c = claimed.jobs
        assert [claim.id for claim in claimed.jobs] == ["a", "b", "c"]
        assert (await driver.claims("worker")).keys() == {"a", "b", "c"}
        outcomes = [success(a), Again(b.id, b.token, counts="deferral")]
        assert await with_lost_reply(lambda: driver.settle("worker", outcomes)) == ["already"] * 2
        assert await with_lost_reply(lambda: driver.release("worker", {c.id: c.token})) == 0
        assert await with_lost_reply(lambda: driver.watch(["a"], 60)) == [Settled("a", JobState.SUCCEEDED, b"value")]
        assert (await with_lost_reply(lambda: driver.renew("worker"))).alive
        assert await with_lost_reply(lambda: driver.reap("worker", 2)) is None
        assert [job.id for job in (await driver.jobs("queued")).jobs] == ["c", "d", "b"]
        assert await with_lost_reply(lambda: driver.fire("schedule", 1.0, NewJob("e", "task", b"")))
        cancelled = Ended("e", JobState.CANCELLED)
        assert await with_lost_reply(lambda: driver.cancel(cancelled)) == "finished"
        assert await with_lost_reply(lambda: driver.acquire("lock", "owner", 60))
        assert not await with_lost_reply(lambda: driver.free("lock", "owner"))
        assert not await with_lost_reply(lambda: driver.put_if_absent("key", b"value"))


async def test_a_restart_costs_no_call_that_comes_after_it(server: RedisServer) -> None:
    async with opened(server.url) as driver:
        await asyncio.gather(*(driver.now() for _ in range(20)))
        await asyncio.to_thread(server.restart)
        await asyncio.gather(*(driver.now() for _ in range(20)))


async def test_a_server_that_is_gone_is_told_in_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    driver = RedisDriver(f"redis://user:secret@127.0.0.1:{port}")
    with pytest.raises(StoreUnavailable, match=rf"^Redis at redis://127.0.0.1:{port} is unavailable: .+$") as caught:
        await driver.open()
    assert "secret" not in str(caught.value)


async def test_a_server_that_stalls_is_told_in_time(server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    async with opened(server.url) as driver:
        server.pause()
        try:
            with monkeypatch.context() as impatient:
                impatient.setattr(connections_module, "CALL_TIMEOUT", 0.2)
                with pytest.raises(StoreUnavailable, match="did not answer in time"):
                    await driver.now()
        finally:
            server.resume()
        await driver.now()


async def test_a_slow_link_carries_what_takes_longer_than_a_silence_may(
    server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections_module, "CALL_TIMEOUT", 0.2)
    monkeypatch.setattr(driver_module, "STEP_BYTES", 1_000_000)
    way = Way(server.port)
    large = bytes(1_100_000)
    async with way.open(), opened(f"redis://127.0.0.1:{way.port}") as driver, asyncio.timeout(20):
        way.rate = 2.5e6
        await driver.register("worker", 30, b"")
        jobs = [NewJob(name, "task", large) for name in "ab"]
        assert await driver.enqueue(jobs) == [Admitted("accepted", name) for name in "ab"]
        claims = [claim for batch in (1, 2) for claim in (await driver.claim("worker", batch, 9, 1)).jobs]
        assert [(claim.id, claim.payload) for claim in claims] == [(name, large) for name in "ab"]
        outcomes = [Finished(claim.id, claim.token, JobState.SUCCEEDED, large, 60) for claim in claims]
        assert await driver.settle("worker", outcomes) == ["settled"] * 2
        assert [settled and settled.outcome for settled in await driver.results([*"ab"])] == [large] * 2


async def test_a_reply_that_stops_halfway_is_given_up(server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (exchange_module, connections_module):
        monkeypatch.setattr(module, "CALL_TIMEOUT", 0.3)
    way = Way(server.port)
    async with way.open(), opened(f"redis://127.0.0.1:{way.port}") as driver, asyncio.timeout(20):
        await driver.put("key", bytes(2_000_000))
        way.reach = 500_000
        with pytest.raises(StoreUnavailable, match="did not answer in time"):
            await driver.get("key")
        way.reach = math.inf
        assert await driver.get("key") == bytes(2_000_000)


@pytest.mark.parametrize(
    "refusal",
    [
        b"-LOADING Redis is loading the dataset in memory",
        b"-READONLY You can't write against a read only replica. script: 1f, on @user_script:1.",
        b"-ERR Error running script (call to f_1f): @user_script:1: -READONLY You can't write against a replica.",
        b"-MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
        b"-MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk.",
        b"-NOREPLICAS Not enough good replicas to write.",
        b"-BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.",
        b"-OOM command not allowed when used memory > 'maxmemory'.",
        b"-ERR max number of clients reached",
        b"-UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)",
        b"-CLUSTERDOWN The cluster is down",
    ],
    ids=lambda refusal: refusal.split()[0].decode(),
)
async def test_a_server_that_refuses_for_now_is_unavailable(server: RedisServer, refusal: bytes) -> None:
    way = Way(server.port)
    async with way.open(), opened(f"redis://127.0.0.1:{way.port}") as driver, asyncio.timeout(20):
        for operation in (lambda: driver.enqueue([NewJob("a", "task", b"")]), driver.now, lambda: driver.wait("w", 5)):
            way.refusals.append(refusal)
            with pytest.raises(StoreUnavailable, match=r"^Redis at redis://127\.0\.0\.1:\d+ is [^\n]*$"):
                await operation()
            assert not way.refusals
        assert await driver.enqueue([NewJob("b", "task", b"")]) == [Admitted("accepted", "b")]


@pytest.mark.parametrize(
    "refusal", [b"-NOAUTH Authentication required.", b"-NOPERM User w", b"-MOVED 3999 127.0.0.1:1"]
)
async def test_a_server_that_refuses_until_somebody_acts_says_so(server: RedisServer, refusal: bytes) -> None:
    way = Way(server.port)
    async with way.open(), opened(f"redis://127.0.0.1:{way.port}") as driver, asyncio.timeout(20):
        way.refusals.append(refusal)
        with pytest.raises(
            ConfigurationError, match=r"^Redis at redis://127\.0\.0\.1:\d+ (refused|is one node) [^\n]*$"
        ):
            await driver.now()
        await driver.now()


async def test_after_a_failover_the_name_leads_to_the_new_master(server: RedisServer) -> None:
    queue = new_id()
    with redis_server() as new_master, Redis.from_url(server.url) as old_master:
        way = Way(server.port)
        async with way.open(), opened(f"redis://127.0.0.1:{way.port}", queue) as driver, asyncio.timeout(20):
            await driver.enqueue([NewJob("a", "task", b"")])
            waiting = asyncio.create_task(driver.wait("worker", 60))
            await waiting
            waiting = asyncio.create_task(driver.wait("worker", 60))
            await until(lambda: waiters(old_master) == 1)
            way.lead_to(new_master.port)
            old_master.replicaof("127.0.0.1", new_master.port)
            try:
                with pytest.raises(StoreUnavailable):
                    await waiting
                with pytest.raises(StoreUnavailable, match="replica"):
                    await driver.enqueue([NewJob("b", "task", b"")])
                assert await driver.enqueue([NewJob("b", "task", b"")]) == [Admitted("accepted", "b")]
            finally:
                old_master.replicaof("no", "one")


async def test_passwords_are_shown_nowhere() -> None:
    with redis_server(requirepass="secret") as server:
        async with opened(server.url) as driver:
            assert "secret" not in repr(driver)
            assert "secret" not in repr(driver.clone())
            assert "secret" not in str(vars(driver)["_server"])
        for url in (f"redis://:wrongsecret@127.0.0.1:{server.port}", f"redis://127.0.0.1:{server.port}"):
            with pytest.raises(ConfigurationError) as caught:
                await RedisDriver(url).open()
            assert "secret" not in str(caught.value)
            assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    ["redis//:secret@host", "http://:secret@host", "redis://:secret@host:port", "redis://:secret@host?nonsense=1"],
)
async def test_a_url_that_means_no_server_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(AioqueueError) as caught:
        RedisDriver(url)
    assert isinstance(caught.value, ConfigurationError)
    assert "secret" not in str(caught.value)


async def test_closing_leaves_no_connection(server: RedisServer) -> None:
    with Redis.from_url(server.url) as store:
        before = clients(store)
        async with opened(server.url) as driver:
            await driver.listen(lambda _id, _settled: None, lambda: None)
            await asyncio.gather(*(driver.now() for _ in range(20)))
            waiting = asyncio.create_task(driver.wait("worker", 60))
            await until(lambda: waiters(store) == 1)
        with pytest.raises(StoreUnavailable):
            await waiting
        with pytest.raises(StoreUnavailable, match="not open"):
            await driver.now()
        await until(lambda: clients(store) == before)


async def test_a_cancelled_wait_takes_no_wake_up_with_it(server: RedisServer) -> None:
    queue = new_id()
    with Redis.from_url(server.url) as store:
        async with opened(server.url, queue) as driver, opened(server.url, queue) as other, asyncio.timeout(20):
            for number in range(20):
                waiting = asyncio.create_task(driver.wait("worker", 60))
                await until(lambda: waiters(store) == 1)
                waiting.cancel()
                await asyncio.gather(other.enqueue([NewJob(f"job-{number}", "task", b"")]), asyncio.wait([waiting]))
                assert waiting.cancelled()
                await other.wait("other", 60)
                await until(lambda: waiters(store) == 0)


@pytest.mark.parametrize("turns", range(8))
async def test_a_cancelled_sleeper_puts_back_what_it_claims_after_all(server: RedisServer, turns: int) -> None:
    queue = new_id()
    with Redis.from_url(server.url) as store:
        async with opened(server.url, queue) as driver, opened(server.url, queue) as other, asyncio.timeout(20):
            await driver.register("worker", 60, b"")
            sleeping = asyncio.create_task(driver.claim_when_woken("worker", 1, 1, 1, 60))
            await until(lambda: waiters(store) == 1)
            enqueueing = asyncio.create_task(other.enqueue([NewJob("a", "task", b"")]))
            for _ in range(turns):
                await asyncio.sleep(0)
            sleeping.cancel()
            await asyncio.wait([sleeping, enqueueing])
            if not sleeping.cancelled():  # it was too late
                await driver.release("worker", await driver.claims("worker"))
            await other.wait("other", 60)
            await until(lambda: waiters(store) == 0)
            await until(lambda: store.hlen(f"aq:{{{queue}}}:claims:worker") == 0)
            assert (await other.counts())["queued"] == 1


async def test_a_sleeper_claims_from_a_server_that_has_forgotten_the_script(server: RedisServer) -> None:
    with Redis.from_url(server.url) as store:
        async with opened(server.url) as driver, asyncio.timeout(20):
            await driver.register("worker", 60, b"")
            sleeping = asyncio.create_task(driver.claim_when_woken("worker", 1, 1, 1, 60))
            await until(lambda: waiters(store) == 1)
            store.script_flush()
            await driver.enqueue([NewJob("a", "task", b"")])
            assert [claim.id for claim in (await sleeping).jobs] == ["a"]


async def test_a_close_that_is_cancelled_closes_what_is_busy_too(server: RedisServer) -> None:
    driver = RedisDriver(server.url, new_id())
    with Redis.from_url(server.url) as store:
        before = clients(store)
        await driver.open()
        # Two leave two connections: one will be idle, and is closed first.
        await asyncio.gather(driver.wait("worker", 0.1), driver.wait("worker", 0.1))
        waiting = asyncio.create_task(driver.wait("worker", 60))
        await until(lambda: waiters(store) == 1)
        closing = asyncio.create_task(driver.close())
        await asyncio.sleep(0)
        closing.cancel()
        await asyncio.wait([closing])
        with pytest.raises(StoreUnavailable):
            async with asyncio.timeout(20):
                await waiting
        await until(lambda: clients(store) == before)


async def test_a_close_that_is_cancelled_leaves_no_wait(server: RedisServer) -> None:
    driver = RedisDriver(server.url, new_id())
    with Redis.from_url(server.url) as store:
        before = clients(store)
        await driver.open()
        waiting = asyncio.create_task(driver.wait("worker", 60))
        await until(lambda: waiters(store) == 1)
        waiting.cancel()
        await asyncio.wait([waiting])
        other = asyncio.create_task(driver.wait("other", 60))
        await until(lambda: waiters(store) == 1)
        server.pause()
        try:
            closing = asyncio.create_task(driver.close())
            await asyncio.sleep(0)
            closing.cancel()
            await asyncio.wait([closing])
        finally:
            server.resume()
        with pytest.raises(StoreUnavailable):
            await other
        await until(lambda: clients(store) == before)


async def test_a_listener_comes_back_and_tells_of_the_gap(server: RedisServer) -> None:
    heard: asyncio.Queue[str] = asyncio.Queue()
    gaps: asyncio.Queue[None] = asyncio.Queue()
    async with opened(server.url) as driver, asyncio.timeout(20):
        await driver.listen(lambda job_id, _: heard.put_nowait(job_id), lambda: gaps.put_nowait(None))
        await asyncio.to_thread(server.restart)
        await gaps.get()
        await hear_of_one_job(driver, heard)


async def test_a_listener_notices_a_half_open_connection(server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subscriptions_module, "SILENCE", 0.05)
    monkeypatch.setattr(subscriptions_module, "CALL_TIMEOUT", 0.2)
    gaps: asyncio.Queue[None] = asyncio.Queue()
    heard: asyncio.Queue[str] = asyncio.Queue()
    async with opened(server.url) as driver, asyncio.timeout(20):
        await driver.listen(lambda job_id, _: heard.put_nowait(job_id), lambda: gaps.put_nowait(None))
        server.pause()
        await asyncio.sleep(0.4)
        server.resume()
        await gaps.get()
        await hear_of_one_job(driver, heard)


async def test_subscriptions_come_back_with_the_connection(server: RedisServer) -> None:
    heard: asyncio.Queue[tuple[str, bytes]] = asyncio.Queue()
    gaps: asyncio.Queue[None] = asyncio.Queue()

    def hear(topic: str, data: bytes) -> None:
        heard.put_nowait((topic, data))

    async with opened(server.url) as driver, asyncio.timeout(20):
        await driver.listen(lambda _id, _settled: None, lambda: gaps.put_nowait(None))
        await driver.subscribe("kept", hear)
        await driver.subscribe("dropped", hear)
        await asyncio.to_thread(server.stop)
        dropping = asyncio.create_task(driver.unsubscribe("dropped"))
        adding = asyncio.create_task(driver.subscribe("added", hear))
        await asyncio.to_thread(server.restart)
        await asyncio.gather(dropping, adding, gaps.get())
        assert [await driver.publish(topic, b"news") for topic in ("kept", "dropped", "added")] == [1, 0, 1]
        assert {await heard.get(), await heard.get()} == {("kept", b"news"), ("added", b"news")}


async def test_a_cancelled_subscription_hears_nothing(server: RedisServer) -> None:
    async with opened(server.url) as driver, asyncio.timeout(20):
        await driver.subscribe("other", lambda _topic, _data: None)
        for _ in range(20):
            subscribing = asyncio.create_task(driver.subscribe(EVENTS_TOPIC, lambda _topic, _data: None))
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            subscribing.cancel()
            await asyncio.wait([subscribing])
        while await driver.publish(EVENTS_TOPIC, b""):  # noqa: ASYNC110 - the server tells nobody of it
            await asyncio.sleep(0.001)
        await driver.subscribe(EVENTS_TOPIC, lambda _topic, _data: None)
        await driver.enqueue([NewJob("a", "task", b"")])
        assert driver.audience
        assert await driver.publish("other", b"") == 1


async def test_many_topics_on_one_connection(server: RedisServer) -> None:
    heard: list[str] = []
    with Redis.from_url(server.url) as store:
        before = clients(store)
        async with opened(server.url) as driver, asyncio.timeout(20):
            await driver.listen(lambda _id, _settled: None, lambda: None)
            topics = [f"topic-{number}" for number in range(50)]
            await asyncio.gather(*(driver.subscribe(topic, lambda topic, _: heard.append(topic)) for topic in topics))
            await asyncio.gather(*(driver.unsubscribe(topic) for topic in topics[10:]))
            assert sum(await asyncio.gather(*(driver.publish(topic, b"") for topic in topics))) == 10
            subscribed = [client for client in store.client_list() if client["sub"] != "0"]
            assert len(subscribed) == 1
        await until(lambda: clients(store) == before)


async def test_a_subscription_to_a_server_that_is_gone_is_refused_and_may_be_repeated(server: RedisServer) -> None:
    async with opened(server.url) as driver, asyncio.timeout(20):
        await asyncio.to_thread(server.stop)
        with pytest.raises(StoreUnavailable):
            await driver.subscribe("topic", lambda _topic, _data: None)
        await asyncio.to_thread(server.restart)
        await driver.subscribe("topic", lambda _topic, _data: None)
        assert await driver.publish("topic", b"") == 1


async def test_pause_wakes_every_waiter(server: RedisServer) -> None:
    with Redis.from_url(server.url) as store:
        async with opened(server.url) as driver, asyncio.timeout(20):
            waits = [asyncio.create_task(driver.wait(f"worker-{number}", 60)) for number in range(10)]
            await until(lambda: waiters(store) == 10)
            await driver.pause()
            await asyncio.gather(*waits)
            await driver.wait("worker", 60)  # the one token that was left
            waiting = asyncio.create_task(driver.wait("worker", 60))
            await until(lambda: waiters(store) == 1)
            await driver.resume()
            await waiting


async def test_a_broken_callback_does_not_deafen_the_others(
    server: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    heard: asyncio.Queue[str] = asyncio.Queue()

    def hear(job_id: str, settled: Settled | None) -> None:
        heard.put_nowait(job_id)
        raise ValueError("broken")

    async with opened(server.url) as driver, asyncio.timeout(20):
        await driver.listen(hear, lambda: None)
        await hear_of_one_job(driver, heard)
        await hear_of_one_job(driver, heard)
    assert "broken" in caplog.text


async def hear_of_one_job(driver: RedisDriver, heard: asyncio.Queue[str]) -> None:
    job_id, worker = new_id(), new_id()
    await driver.enqueue([NewJob(job_id, "task", b"")])
    assert await driver.watch([job_id], 60) == [None]
    await driver.register(worker, 30, b"")
    (claim,) = (await driver.claim(worker, 1, 1, 1)).jobs
    await driver.settle(worker, [success(claim)])
    assert await heard.get() == job_id


async def test_one_driver_after_another_loop(server: RedisServer) -> None:
    driver = RedisDriver(server.url, new_id())

    def in_a_loop_of_its_own() -> None:
        async def use() -> None:
            await driver.open()
            await driver.listen(lambda _id, _settled: None, lambda: None)
            await driver.now()
            await driver.close()

        asyncio.run(use())

    await asyncio.to_thread(in_a_loop_of_its_own)
    await asyncio.to_thread(in_a_loop_of_its_own)


async def test_a_unix_socket_will_do() -> None:
    with redis_server(unixsocket="redis.sock") as server:
        path = server.directory / "redis.sock"
        async with opened(f"unix://{path}") as driver:
            assert str(path) in repr(driver)
            await driver.now()
