"""Uploaded files: what is refused, and where the rest is kept for the workers to read."""

from __future__ import annotations

import codecs
import os
import uuid
from collections.abc import Iterator
from http import HTTPStatus
from io import StringIO
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from report_service.report import NotCsv, rows_of

LARGEST = 20 * 1024 * 1024
CHUNK = 256 * 1024


class BadUpload(Exception):  # noqa: N818 -- it reads as what is said of the upload
    """An upload that is refused: an HTTP status, and one line for whoever sent it."""

    def __init__(self, status: HTTPStatus, line: str) -> None:
        super().__init__(line)
        self.status = status


def folder() -> Path:
    """Return where uploads are kept, for web processes and workers alike."""
    return Path(os.environ.get("REPORTS_FOLDER", "uploads")).absolute()


def keep(file: BinaryIO) -> str:
    """Keep an uploaded file and return the name it has in the folder. It appears there at once and whole.

    Raises `BadUpload` for one that is empty, too large, no text in UTF-8, or does not begin as a CSV file does.
    """
    place = folder()
    place.mkdir(parents=True, exist_ok=True)
    name = f"{uuid.uuid4().hex}.csv"
    arriving = place / f"{name}.part"
    try:
        with arriving.open("wb") as kept:
            for chunk in checked(file):
                kept.write(chunk)
        arriving.rename(place / name)
    finally:
        arriving.unlink(missing_ok=True)
    return name


def checked(file: BinaryIO) -> Iterator[bytes]:
    """Yield a file in chunks, and raise `BadUpload` at the first thing that is wrong with it."""
    decoder = codecs.getincrementaldecoder("utf-8-sig")()
    size = 0
    while chunk := file.read(CHUNK):
        text = decoded(decoder, chunk, at=size)
        if not size:
            refuse_what_is_no_csv(text, whole=len(chunk) < CHUNK)
        size += len(chunk)
        if size > LARGEST:
            raise BadUpload(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, too_large())
        yield chunk
    if not size:
        raise BadUpload(HTTPStatus.BAD_REQUEST, "The file is empty.")
    decoded(decoder, b"", at=size)


def decoded(decoder: codecs.IncrementalDecoder, chunk: bytes, *, at: int) -> str:
    """Return a chunk as text; the next one goes on where it ended, be it in mid-character."""
    try:
        text = decoder.decode(chunk, final=not chunk)
    except UnicodeDecodeError as error:
        where = f"byte {at + error.start + 1:,}"
        line = f"The file is not encoded as UTF-8 (see {where}). Save it as “CSV UTF-8” and upload it again."
        raise BadUpload(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, line) from None
    if "\0" in text:
        raise BadUpload(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "The file is no CSV: it holds binary data.")
    return text


def refuse_what_is_no_csv(beginning: str, *, whole: bool) -> None:
    """Raise `BadUpload` unless a text begins with a head and at least one row that fits it."""
    lines = beginning if whole else beginning[: beginning.rfind("\n") + 1]
    try:
        first = list(islice(rows_of(StringIO(lines)), 10))
    except NotCsv as error:
        raise BadUpload(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"The file is no CSV: {error}.") from None
    if len(first) < 2:
        line = "The file has no rows: the first line names the columns, and at least one more is needed."
        raise BadUpload(HTTPStatus.BAD_REQUEST, line)


def too_large() -> str:
    """Return the line for a file that is too large."""
    return f"The file is larger than {LARGEST // 1024**2} MB."
