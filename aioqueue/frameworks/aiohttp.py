"""For aiohttp: `app.cleanup_ctx.append(cleanup_ctx(queue))`, and what handlers say about jobs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, suppress
from functools import partial
from typing import Any, Final

try:
    from aiohttp import web
except ImportError as _missing:
    raise ImportError("aioqueue.frameworks.aiohttp needs aiohttp: pip install 'aioqueue[aiohttp]'") from _missing

from aioqueue.frameworks.answers import JSON, Answer, Say, answer
from aioqueue.frameworks.disconnects import cancelling
from aioqueue.frameworks.endings import until_either
from aioqueue.frameworks.eventstream import EVENT_STREAM, HEADERS, KEEP_ALIVE, event_stream
from aioqueue.frameworks.life import WorkerOptions, check, living
from aioqueue.frameworks.links import link_of
from aioqueue.frameworks.sending import Chunks, send_all
from aioqueue.options import Seconds
from aioqueue.queue import Queue
from aioqueue.result import Result

__all__ = ["cancel_on_disconnect", "cleanup_ctx", "progress", "respond"]

_LOOK_EVERY: Final = 0.25


def cleanup_ctx(
    *queues: Queue, worker: WorkerOptions | None = None
) -> Callable[[web.Application], AsyncIterator[None]]:
    """Return a cleanup context that opens the queues when the application starts and closes them when it ends.

    With `worker`, a dict of the options of `aioqueue.Worker`, a worker runs inside the process too: for development.
    """
    check("cleanup_ctx", queues, worker)

    async def context(_app: web.Application) -> AsyncIterator[None]:
        async with living(queues, worker):
            yield

    return context


async def respond(
    result: Result[Any],
    request: web.BaseRequest,
    *,
    timeout: Seconds = 10.0,
    link: object = None,
    say: Say | None = None,
) -> web.Response:
    """Wait up to `timeout` seconds for the job, and answer with its value as JSON.

    Not ready by then is 202 Accepted with `Location: link` and `Retry-After`; `link` is by default the address of a GET
    itself. A job that failed is an error of one line: what `say` makes of the `TaskException`, or else nothing of what
    the task raised. Waiting no longer, for whatever reason, leaves the job alone.
    """
    return _response(await answer(result, timeout, link_of(link, request.method, request.url), say))


async def progress(
    result: Result[Any], request: web.BaseRequest, *, keep_alive: Seconds = KEEP_ALIVE, say: Say | None = None
) -> web.StreamResponse:
    """Answer with the job's news as server-sent events: `progress`, `status`, and last of all `outcome`.

    Progress is numbered, and a browser that comes back goes on after its `Last-Event-ID`. A comment is sent after every
    `keep_alive` seconds of silence. A number that no event has is refused with 400, an unknown job with 404. Why a job
    failed is told as in `respond`.
    """
    news = await event_stream(result, request.headers.get("Last-Event-ID", ""), keep_alive, say)
    return _response(news) if isinstance(news, Answer) else await _streamed(news, request)


def cancel_on_disconnect(request: web.BaseRequest, result: Result[Any]) -> AbstractAsyncContextManager[None]:
    """Cancel the job if the client goes away before the block ends: `async with cancel_on_disconnect(...):`."""
    return cancelling(partial(_client_leaves, request), result)


async def _client_leaves(request: web.BaseRequest) -> None:
    # aiohttp tells nobody, unless the whole server runs with handler_cancellation.
    while request.transport is not None and not request.transport.is_closing():  # noqa: ASYNC110
        await asyncio.sleep(_LOOK_EVERY)


async def _streamed(news: Chunks, request: web.BaseRequest) -> web.StreamResponse:
    response = web.StreamResponse(headers={**HEADERS, "Content-Type": EVENT_STREAM})
    with suppress(ConnectionResetError):  # the client has gone away, which is no error
        await response.prepare(request)
    if request.method != "HEAD" and response.prepared:
        await until_either(send_all(news, response.write, response.write_eof), _client_leaves(request))
    return response


def _response(said: Answer) -> web.Response:
    return web.Response(body=said.body, status=said.status, headers=said.headers, content_type=JSON)
