"""Receiving the file of a form, without taking in more than is allowed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus

from fastapi import Request
from starlette.datastructures import UploadFile

from report_service.uploads import LARGEST, BadUpload, too_large

WITH_THE_FORM = 10_000  # bytes that a form adds to its file


@asynccontextmanager
async def uploaded(request: Request) -> AsyncIterator[UploadFile]:
    """Have the file of a form for the length of a block. Raises `BadUpload` if there is none, or it is too large."""
    await refuse_too_large(request)
    async with request.form(max_files=1, max_fields=1) as form:
        upload = form.get("file")
        if not isinstance(upload, UploadFile) or not upload.filename:
            raise BadUpload(HTTPStatus.BAD_REQUEST, "There is no file: choose one, and upload it as the field “file”.")
        yield upload


async def refuse_too_large(request: Request) -> None:
    """Raise `BadUpload` before anything of the body is kept."""
    length = request.headers.get("Content-Length", "")
    if not length.isdigit():
        raise BadUpload(HTTPStatus.LENGTH_REQUIRED, "Say how long the upload is: a Content-Length is needed.")
    if int(length) <= LARGEST + WITH_THE_FORM:
        return
    left = 4 * LARGEST  # a client that is cut off while it sends does not see the answer
    async for chunk in request.stream():
        left -= len(chunk)
        if left < 0:
            break
    raise BadUpload(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, too_large())
