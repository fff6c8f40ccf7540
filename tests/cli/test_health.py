"""The local health port, asked over real connections."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest

from aioqueue.cli.exits import Failed
from aioqueue.cli.health import health_server

pytestmark = pytest.mark.asyncio


class Process:
    """How a process is."""

    def __init__(self, live: bool = True, ready: bool = True) -> None:
        self.live = live
        self.ready = ready


@asynccontextmanager
async def served(process: Process) -> AsyncIterator[int]:
    async with health_server(0, lambda: process.live, lambda: process.ready) as port:
        yield port


async def exchange(port: int, request: str) -> str:
    """Send a request and return the whole answer, until the server hangs up."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request.replace("\n", "\r\n").encode())
    try:
        return (await asyncio.wait_for(reader.read(), 10)).decode()
    finally:
        writer.close()
        await writer.wait_closed()


async def get(port: int, path: str, method: str = "GET") -> tuple[int, Any]:
    answer = await exchange(port, f"{method} {path} HTTP/1.1\nHost: localhost\nUser-Agent: kube-probe/1.33\n\n")
    head, _, body = answer.partition("\r\n\r\n")
    return int(head.split()[1]), json.loads(body) if body else None


@pytest.mark.parametrize("live", [True, False])
@pytest.mark.parametrize("ready", [True, False])
async def test_it_says_whether_the_process_lives_and_is_ready(live: bool, ready: bool) -> None:
    async with served(Process(live, ready)) as port:
        assert await get(port, "/livez") == (200 if live else 503, {"live": live})
        assert await get(port, "/readyz") == (200 if ready else 503, {"ready": ready})


async def test_every_question_is_asked_anew() -> None:
    process = Process(ready=False)
    async with served(process) as port:
        assert (await get(port, "/readyz"))[0] == 503
        process.ready = True
        assert (await get(port, "/readyz?verbose"))[0] == 200


async def test_an_answer_is_whole_http() -> None:
    async with served(Process()) as port:
        answer = await exchange(port, "GET /livez HTTP/1.1\nHost: x\n\n")
        assert answer.splitlines() == [
            "HTTP/1.1 200 OK",
            "Content-Type: application/json",
            "Content-Length: 15",
            "Cache-Control: no-store",
            "Connection: close",
            "",
            '{"live": true}',
        ]
        assert await get(port, "/readyz", "HEAD") == (200, None)
        assert await exchange(port, "GET /livez HTTP/1.0\n\n") == answer


async def test_other_requests_are_refused_politely() -> None:
    async with served(Process()) as port:
        assert await get(port, "/") == (404, {"error": "there are /livez and /readyz"})
        assert (await get(port, "/livez/"))[0] == 404
        assert (await get(port, "/livez", "POST"))[0] == 405


@pytest.mark.parametrize("words", ["", "nonsense", "\0\1\2", "GET /livez", "one two three four"], ids=repr)
async def test_what_is_no_request_is_told_so(words: str) -> None:
    async with served(Process()) as port:
        assert (await exchange(port, f"{words}\n\n")).startswith("HTTP/1.1 400 Bad Request")


@pytest.mark.parametrize("words", ["G" * 100_000, "GET /livez HTTP/1.1\nA: b", "GET /livez HTTP/1.1\n" + "A: b\n" * 9])
async def test_what_does_not_end_is_hung_up_on(words: str, caplog: pytest.LogCaptureFixture) -> None:
    async with served(Process()) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(words.encode())
        writer.write_eof()
        with suppress(ConnectionError):
            assert await asyncio.wait_for(reader.read(), 10) == b""
        writer.close()
        assert (await get(port, "/livez"))[0] == 200
    assert caplog.text == ""


async def test_who_connects_and_says_nothing_keeps_nobody_waiting() -> None:
    async with served(Process()) as port:
        silent = [await asyncio.open_connection("127.0.0.1", port) for _ in range(20)]
        assert (await get(port, "/livez"))[0] == 200
    for reader, writer in silent:
        assert await asyncio.wait_for(reader.read(), 10) == b""
        writer.close()


async def test_a_question_that_breaks_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    def broken() -> bool:
        raise RuntimeError("broken on purpose")

    async with health_server(0, lambda: True, broken) as port:
        assert await exchange(port, "GET /readyz HTTP/1.1\n\n") == ""
        assert (await get(port, "/livez"))[0] == 200
    assert "broken on purpose" in caplog.text


async def test_a_port_in_use_is_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(Failed, match=f"127.0.0.1:{port}: another process listens there; choose .*--health-port"):
            async with health_server(port, lambda: True, lambda: True):
                raise AssertionError("it cannot serve there")
    assert Failed.exit_code == 1


async def test_only_this_machine_is_answered() -> None:
    async with health_server(0, lambda: True, lambda: True) as port:
        with pytest.raises(OSError):
            await asyncio.open_connection("127.0.0.2", port)


async def test_afterwards_the_port_is_free_and_nothing_runs() -> None:
    async with served(Process()) as port:
        assert (await get(port, "/livez"))[0] == 200
    assert asyncio.all_tasks() == {asyncio.current_task()}
    async with health_server(port, lambda: True, lambda: True) as again:
        assert again == port


async def test_what_the_block_raises_is_raised_as_it_is() -> None:
    with pytest.raises(ValueError, match="mine"):
        async with served(Process()):
            raise ValueError("mine")
