"""One application, written for each framework: the same handlers under the same addresses.

What is under /open tells strangers what the task raised.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aioqueue import Queue, TaskException


def reason(error: TaskException) -> str:
    return error.error


def for_starlette(queue: Queue, **options: Any) -> Any:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import Route

    from aioqueue.frameworks.starlette import cancel_on_disconnect, lifespan, progress, respond

    async def ask(request: Request) -> Response:
        result = queue.result(request.path_params["id"])
        return await respond(result, request, timeout=float(request.query_params.get("timeout", 5)))

    async def ask_openly(request: Request) -> Response:
        return await respond(queue.result(request.path_params["id"]), request, say=reason)

    async def follow(request: Request) -> Response:
        return await progress(queue.result(request.path_params["id"]), request, keep_alive=0.05)

    async def follow_openly(request: Request) -> Response:
        return await progress(queue.result(request.path_params["id"]), request, say=reason)

    async def wait(request: Request) -> Response:
        result = queue.result(request.path_params["id"])
        async with cancel_on_disconnect(request, result):
            return await respond(result, request, timeout=20, link="/elsewhere")

    routes = [Route("/jobs/{id}", ask), Route("/news/{id}", follow), Route("/wait/{id}", wait, methods=["POST"])]
    routes += [Route("/open/{id}", ask_openly), Route("/open/news/{id}", follow_openly)]
    return Starlette(routes=routes, lifespan=lifespan(queue, **options))


def for_fastapi(queue: Queue, **options: Any) -> Any:
    import fastapi

    from aioqueue.frameworks.starlette import cancel_on_disconnect, lifespan, progress, respond

    app = fastapi.FastAPI(lifespan=lifespan(queue, **options))
    Request = fastapi.Request

    async def ask(id: str, request: Request, timeout: float = 5) -> Any:  # type: ignore[valid-type]
        return await respond(queue.result(id), request, timeout=timeout)

    async def ask_openly(id: str, request: Request) -> Any:  # type: ignore[valid-type]
        return await respond(queue.result(id), request, say=reason)

    async def follow(id: str, request: Request) -> Any:  # type: ignore[valid-type]
        return await progress(queue.result(id), request, keep_alive=0.05)

    async def follow_openly(id: str, request: Request) -> Any:  # type: ignore[valid-type]
        return await progress(queue.result(id), request, say=reason)

    async def wait(id: str, request: Request) -> Any:  # type: ignore[valid-type]
        result = queue.result(id)
        async with cancel_on_disconnect(request, result):
            return await respond(result, request, timeout=20, link="/elsewhere")

    for handler in (ask, ask_openly, follow, follow_openly, wait):  # names that this function knows only
        handler.__annotations__ |= {"id": str, "request": Request}
    ask.__annotations__["timeout"] = float
    app.api_route("/jobs/{id}", methods=["GET", "HEAD"])(ask)
    app.api_route("/news/{id}", methods=["GET", "HEAD"])(follow)
    app.post("/wait/{id}")(wait)
    app.get("/open/{id}")(ask_openly)
    app.get("/open/news/{id}")(follow_openly)
    return app


def for_litestar(queue: Queue, **options: Any) -> Any:
    import litestar

    from aioqueue.frameworks.litestar import cancel_on_disconnect, lifespan, progress, respond

    Request, Response = litestar.Request[Any, Any, Any], litestar.Response[bytes]

    async def ask(request: Request) -> Response:
        result = queue.result(request.path_params["id"])
        return await respond(result, request, timeout=float(request.query_params.get("timeout", 5)))

    async def ask_openly(request: Request) -> Response:
        return await respond(queue.result(request.path_params["id"]), request, say=reason)

    async def follow(request: Request) -> Response:
        return await progress(queue.result(request.path_params["id"]), request, keep_alive=0.05)

    async def follow_openly(request: Request) -> Response:
        return await progress(queue.result(request.path_params["id"]), request, say=reason)

    async def wait(request: Request) -> Response:
        result = queue.result(request.path_params["id"])
        async with cancel_on_disconnect(request, result):
            return await respond(result, request, timeout=20, link="/elsewhere")

    for handler in (ask, ask_openly, follow, follow_openly, wait):  # names that this function knows only
        handler.__annotations__ |= {"request": Request, "return": Response}
    handlers = [
        litestar.route("/jobs/{id:str}", http_method=["GET", "HEAD"])(ask),
        litestar.route("/news/{id:str}", http_method=["GET", "HEAD"])(follow),
        litestar.post("/wait/{id:str}")(wait),
        litestar.get("/open/{id:str}")(ask_openly),
        litestar.get("/open/news/{id:str}")(follow_openly),
    ]
    return litestar.Litestar(handlers, lifespan=[lifespan(queue, **options)], openapi_config=None)


def for_aiohttp(queue: Queue, **options: Any) -> Any:
    from aiohttp import web

    from aioqueue.frameworks.aiohttp import cancel_on_disconnect, cleanup_ctx, progress, respond

    async def ask(request: web.Request) -> web.Response:
        result = queue.result(request.match_info["id"])
        return await respond(result, request, timeout=float(request.query.get("timeout", 5)))

    async def ask_openly(request: web.Request) -> web.Response:
        return await respond(queue.result(request.match_info["id"]), request, say=reason)

    async def follow(request: web.Request) -> web.StreamResponse:
        return await progress(queue.result(request.match_info["id"]), request, keep_alive=0.05)

    async def follow_openly(request: web.Request) -> web.StreamResponse:
        return await progress(queue.result(request.match_info["id"]), request, say=reason)

    async def wait(request: web.Request) -> web.Response:
        result = queue.result(request.match_info["id"])
        async with cancel_on_disconnect(request, result):
            return await respond(result, request, timeout=20, link="/elsewhere")

    app = web.Application()
    app.cleanup_ctx.append(cleanup_ctx(queue, **options))
    app.add_routes([web.get("/jobs/{id}", ask), web.get("/news/{id}", follow), web.post("/wait/{id}", wait)])
    app.add_routes([web.get("/open/{id}", ask_openly), web.get("/open/news/{id}", follow_openly)])
    return app


MAKERS: dict[str, Callable[..., Any]] = {
    "starlette": for_starlette,
    "fastapi": for_fastapi,
    "litestar": for_litestar,
    "aiohttp": for_aiohttp,
}
