"""Receiving the file of a form, without taking in more than is allowed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus

from fastapi import Request
from starlette.datastructures import FormData, UploadFile
from starlette.requests import ClientDisconnect
from starlette.types import Message, Receive

from report_service.uploads import LARGEST, BadUpload, too_large

WITH_THE_FORM = 10_000  # bytes that a form adds to its file
SKIPPED = 4 * LARGEST


@asynccontextmanager
async def uploaded(request: Request) -> AsyncIterator[UploadFile]:
    """Have the file of a form for the length of a block.

    Raises `BadUpload` if there is none, it is too large, or it does not come whole.
    """
    form = await received(request)
    try:
        upload = form.get("file")
        if not isinstance(upload, UploadFile) or not upload.filename:
            raise BadUpload(HTTPStatus.BAD_REQUEST, "There is no file: choose one, and upload it as the field “file”.")
        yield upload
    finally:
        await form.close()


async def received(request: Request) -> FormData:
    """Return the form of a request. What it says of its length is not relied on: what comes is counted."""
    limited = Request(request.scope, at_most(LARGEST + WITH_THE_FORM, request.receive))
    try:
        return await limited.form(max_files=1, max_fields=1)
    except ClientDisconnect:
        raise BadUpload(HTTPStatus.BAD_REQUEST, "The upload broke off.") from None


def at_most(size: int, receive: Receive) -> Receive:
    """Return what receives the same, and raises `BadUpload` once that is more than so many bytes."""
    left = size

    async def counted() -> Message:
        nonlocal left
        message = await receive()
        left -= len(message.get("body", b""))
        if left < 0:
            await skip_rest(message, receive)
            raise BadUpload(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, too_large())
        return message

    return counted


async def skip_rest(message: Message, receive: Receive) -> None:
    """Skip what follows a message, up to a limit: a client that is cut off while it sends does not see the answer."""
    left = SKIPPED
    while message.get("more_body", False) and left > 0:
        message = await receive()
        left -= len(message.get("body", b""))
