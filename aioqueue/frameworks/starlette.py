"""For Starlette and FastAPI: `FastAPI(lifespan=lifespan(queue))`, and what handlers say about jobs."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import Any

try:
    from starlette.requests import Request
    from starlette.responses import Response, StreamingResponse
    from starlette.types import Receive, Scope, Send
except ImportError as _missing:
    raise ImportError("aioqueue.frameworks.starlette needs Starlette: pip install 'aioqueue[starlette]'") from _missing

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
    A lifespan of your own goes around it: `async with lifespan(queue)(app): yield`.
    """
    check("lifespan", queues, worker)

    def life(_app: object) -> AbstractAsyncContextManager[None]:
        return living(queues, worker)

    return life


async def respond(
    result: Result[Any], request: Request, *, timeout: Seconds = 10.0, link: object = None, say: Say | None = None
) -> Response:
    """Wait up to `timeout` seconds for the job, and answer with its value as JSON.

    Not ready by then is 202 Accepted with `Location: link` and `Retry-After`; `link` is by default the address of a GET
    itself. A job that failed is an error of one line: what `say` makes of the `TaskException`, or else nothing of what
    the task raised. Waiting no longer, for whatever reason, leaves the job alone.
    """
    return _response(await answer(result, timeout, link_of(link, request.method, request.url), say))


async def progress(
    result: Result[Any], request: Request, *, keep_alive: Seconds = KEEP_ALIVE, say: Say | None = None
) -> Response:
    """Answer with the job's news as server-sent events: `progress`, `status`, and last of all `outcome`.

    Progress is numbered, and a browser that comes back goes on after its `Last-Event-ID`. A comment is sent after every
    `keep_alive` seconds of silence. A number that no event has is refused with 400, an unknown job with 404. Why a job
    failed is told as in `respond`.
    """
    news = await event_stream(result, request.headers.get("Last-Event-ID", ""), keep_alive, say)
    return _response(news) if isinstance(news, Answer) else _EventStream(news)


def cancel_on_disconnect(request: Request, result: Result[Any]) -> AbstractAsyncContextManager[None]:
    """Cancel the job if the client goes away before the block ends: `async with cancel_on_disconnect(...):`.

    Read the body of the request before: what is left of it is skipped.
    """
    return cancelling(partial(client_leaves, request.receive), result)


class _EventStream(StreamingResponse):
    """Ends with its client, at once, and closes what it streams."""

    def __init__(self, news: Chunks) -> None:
        super().__init__(news, headers=HEADERS, media_type=EVENT_STREAM)
        self._news = news

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        if scope["method"] == "HEAD":
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        else:
            await send_body(self._news, receive, send)
        if self.background is not None:
            await self.background()


def _response(said: Answer) -> Response:
    return Response(said.body, said.status, said.headers, JSON if said.body else None)
