"""Where images and their thumbnails are kept, and under which names."""

from __future__ import annotations

import hashlib
import os
import re
import uuid
from pathlib import Path

DIGEST = re.compile(r"[0-9a-f]{64}")


def folder() -> Path:
    """Return where images and thumbnails are, for web processes and workers alike."""
    return Path(os.environ.get("THUMBNAILS_FOLDER", "images")).absolute()


def digest_of(image: bytes) -> str:
    """Return the name of an image: the same one again is the same image."""
    return hashlib.sha256(image).hexdigest()


def original(digest: str) -> Path:
    """Return where an image is."""
    return folder() / digest


def thumbnail(digest: str, width: int) -> Path:
    """Return where its thumbnail of that width is, once there is one."""
    return folder() / f"{digest}-{width}.jpg"


def put(path: Path, content: bytes) -> None:
    """Write a file that appears at once and whole, whoever else writes it too."""
    path.parent.mkdir(parents=True, exist_ok=True)
    arriving = path.with_name(f"{path.name}.{uuid.uuid4().hex}.part")
    arriving.write_bytes(content)
    arriving.replace(path)
