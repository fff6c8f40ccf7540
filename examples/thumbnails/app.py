"""The web side: images come in, thumbnails go out, and whoever asks too early is told where to come back."""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import Mapping
from io import BytesIO
from typing import Any

from aiohttp import web
from PIL import Image, UnidentifiedImageError

from aioqueue.frameworks.aiohttp import cleanup_ctx, respond
from thumbnails.files import DIGEST, digest_of, original, put, thumbnail
from thumbnails.tasks import make_thumbnail, queue

LARGEST = 20 * 1024 * 1024
MOST_PIXELS = 50_000_000
LONGEST_SIDE = 65_500  # of a JPEG, and so of its thumbnail: what is narrow is not made smaller
FORMATS = ("JPEG", "PNG", "GIF", "WEBP")
WIDTHS = range(16, 1025)
DEFAULT_WIDTH = 200
PATIENCE = 5.0

routes = web.RouteTableDef()


def create_app(worker: Mapping[str, Any] | None = None) -> web.Application:
    """Return the application; `worker` has the options of a worker that runs inside it, for development."""
    warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # sizes are judged below
    app = web.Application(client_max_size=LARGEST)
    app.add_routes(routes)
    app.cleanup_ctx.append(cleanup_ctx(queue, worker=worker))
    return app


@routes.post("/images")
async def upload(request: web.Request) -> web.Response:
    """Take an image, which is the body, and answer where its thumbnails are."""
    image = await request.read()
    await asyncio.to_thread(refuse_what_is_no_image, image)
    digest = digest_of(image)
    await asyncio.to_thread(put, original(digest), image)
    link = f"/images/{digest}/thumbnail"
    return web.json_response({"thumbnail": link}, status=201, headers={"Location": link})


@routes.get("/images/{digest}/thumbnail")
async def show(request: web.Request) -> web.StreamResponse:
    """Answer with the thumbnail, `?width=` pixels wide; with 202 and a link if it is not made in time.

    However many ask for one at once, they wait for the same job: `unique` is the key that they share.
    """
    digest, width = asked_digest(request), asked_width(request)
    path = thumbnail(digest, width)
    if not path.exists():
        result = await make_thumbnail.options(unique=path.name)(digest, width)
        made = await respond(result, request, timeout=PATIENCE)
        if made.status != 200:
            return made
    return web.FileResponse(path, headers={"Cache-Control": "max-age=86400"})


def asked_digest(request: web.Request) -> str:
    """Return the name of an image that is there; 404 for any other."""
    digest = request.match_info["digest"]
    if not DIGEST.fullmatch(digest) or not original(digest).exists():
        raise web.HTTPNotFound(text="There is no such image, or not any more.")
    return digest


def asked_width(request: web.Request) -> int:
    """Return the width that is asked for; 400 for one that no thumbnail has."""
    text = request.query.get("width", str(DEFAULT_WIDTH))
    if not (text.isascii() and text.isdigit() and len(text) < 6 and int(text) in WIDTHS):
        raise web.HTTPBadRequest(text=f"width= is {WIDTHS[0]} to {WIDTHS[-1]} pixels.")
    return int(text)


def refuse_what_is_no_image(content: bytes) -> None:
    """Raise an HTTP error unless this begins as an image that can be made small: only its head is looked at."""
    if not content:
        raise web.HTTPBadRequest(text="The body is empty: it is to be the image itself.")
    try:
        with Image.open(BytesIO(content), formats=FORMATS) as image:
            width, height = image.size
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, ValueError, SyntaxError):
        raise web.HTTPUnsupportedMediaType(text=f"The body is no image: {', '.join(FORMATS)} are taken.") from None
    if width * height > MOST_PIXELS:
        raise too_large(content, f"{width} x {height} pixels are too many.")
    if max(width, height) > LONGEST_SIDE:
        raise too_large(content, f"{width} x {height} pixels: no side may be longer than {LONGEST_SIDE}.")


def too_large(content: bytes, line: str) -> web.HTTPException:
    """Return the error that says so."""
    return web.HTTPRequestEntityTooLarge(LARGEST, len(content), text=line)
