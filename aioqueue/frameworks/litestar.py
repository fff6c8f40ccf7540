"""For Litestar: `Litestar(lifespan=[lifespan(queue)])`, and what handlers say about jobs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import Any

try:
    from litestar import Request, Response
    from litestar.datastructures import Cookie
    from litestar.response.base import ASGIResponse
    from litestar.response.streaming import ASGIStreamingResponse
    from litestar.types import Receive, Send
except ImportError as _missing:
    raise ImportError("aioqueue.frameworks.litestar needs Litestar: pip install 'aioqueue[litestar]'") from _missing

from aioqueue.frameworks.answers import JSON, Answer, Say, answer
from aioqueue.frameworks.asgi import client_leaves, send_body
from aioqueue.frameworks.disconnects import cancelling
from aioqueue.frameworks.eventstream import EVENT_STREAM, HEADERS, KEEP_ALIVE, event_stream
from aioqueue.frameworks.life import WorkerOptions, check, living
from aioqueue.frameworks.links import link_of
from aioqueue.frameworks.sending import Chunks
from aioqueue.options import Seconds
from aioqueue.queue import Queue
from aioqueue.result import Result

__all__ = ["cancel_on_disconnect", "lifespan", "progress", "respond"]


def lifespan(*queues: Queue, worker: WorkerOptions | None = None) -> Callable[[Any], AbstractAsyncContextManager[None]]:
    """Return a lifespan that opens the queues when the application starts and closes them when it ends.

    With `worker`, a dict of the options of `aioqueue.Worker`, a worker runs inside the process too: for development.
    It is one of a list, beside lifespans of your own: `Litestar(lifespan=[lifespan(queue), own])`.
    """
    check("lifespan", queues, worker)

    def life(_app: object) -> AbstractAsyncContextManager[None]:
        return living(queues, worker)

    return life


async def respond(
    result: Result[Any],
    request: Request[Any, Any, Any],
    *,
    timeout: Seconds = 10.0,
    link: object = None,
    say: Say | None = None,
) -> Response[bytes]:
    """Wait up to `timeout` seconds for the job, and answer with its value as JSON.

    Not ready by then is 202 Accepted with `Location: link` and `Retry-After`; `link` is by default the address of a GET
    itself. A job that failed is an error of one line: what `say` makes of the `TaskException`, or else nothing of what
    the task raised. Waiting no longer, for whatever reason, leaves the job alone.
    """
    return _response(await answer(result, timeout, link_of(link, request.method, request.url), say), request)


async def progress(
    result: Result[Any],
    request: Request[Any, Any, Any],
    *,
    keep_alive: Seconds = KEEP_ALIVE,
    say: Say | None = None,
) -> Response[bytes]:
    """Answer with the job's news as server-sent events: `progress`, `status`, and last of all `outcome`.

    Progress is numbered, and a browser that comes back goes on after its `Last-Event-ID`. A comment is sent after every
    `keep_alive` seconds of silence. A number that no event has is refused with 400, an unknown job with 404. Why a job
    failed is told as in `respond`.
    """
    news = await event_stream(result, request.headers.get("Last-Event-ID", ""), keep_alive, say)
    return _response(news, request) if isinstance(news, Answer) else _EventStream(news)


def cancel_on_disconnect(request: Request[Any, Any, Any], result: Result[Any]) -> AbstractAsyncContextManager[None]:
    """Cancel the job if the client goes away before the block ends: `async with cancel_on_disconnect(...):`.

    Read the body of the request before: what is left of it is skipped.
    """
    return cancelling(partial(client_leaves, request.receive), result)


class _EventStream(Response[bytes]):
    """Made into what ends with its client, with the headers and cookies that the application adds to any response."""

    def __init__(self, news: Chunks) -> None:
        super().__init__(b"", headers=HEADERS, media_type=EVENT_STREAM, status_code=200)
        self._news = news

    def to_asgi_response(
        self,
        app: Any,  # noqa: ARG002 -- Litestar's own no longer looks at it
        request: Any,
        *,
        background: Any = None,
        cookies: Iterable[Cookie] | None = None,
        headers: Mapping[str, str] | None = None,
        is_head_response: bool = False,
        **_others: Any,
    ) -> ASGIResponse:
        """Return what sends the stream."""
        return _Sent(
            self._news,
            background=self.background or background,
            cookies=[*(cookies or ()), *self.cookies],
            headers={**(headers or {}), **self.headers, "content-type": EVENT_STREAM},
            is_head_response=is_head_response or request.method == "HEAD",  # a handler of GET and HEAD is not told
            media_type=EVENT_STREAM,
            status_code=200,
        )


class _Sent(ASGIStreamingResponse):
    """Ends with its client, at once, and closes what it streams."""

    def __init__(self, news: Chunks, **said: Any) -> None:
        super().__init__(iterator=news, **said)
        self._news = news

    async def send_body(self, send: Send, receive: Receive) -> None:
        """Send the chunks."""
        await send_body(self._news, receive, send)


def _response(said: Answer, request: Request[Any, Any, Any]) -> Response[bytes]:
    body = b"" if request.method == "HEAD" else said.body  # Litestar refuses to leave it out
    return Response(body, status_code=said.status, headers=said.headers, media_type=JSON)
