"""The queue of the service and its one task. A worker of its own: `aioqueue worker thumbnails.tasks:queue`."""

from __future__ import annotations

from io import BytesIO

from PIL import Image, ImageOps

from aioqueue import Queue
from thumbnails.files import original, put, thumbnail

QUALITY = 85

queue = Queue(name="thumbnails")  # $AIOQUEUE_URL, else a SQLite file here


@queue.task(executor="process", timeout=60)
def make_thumbnail(digest: str, width: int) -> int:
    """Scale an image down to a width, upright and without what the camera wrote into it; answer how many bytes it has.

    The image stays in the folder and only its name travels. Doing it twice does no harm.
    """
    with Image.open(original(digest)) as image:
        upright = ImageOps.exif_transpose(image)
        height = max(1, round(upright.height * width / upright.width))
        small = upright if upright.width <= width else upright.resize((width, height), Image.Resampling.LANCZOS)
        content = as_jpeg(small)
    put(thumbnail(digest, width), content)
    return len(content)


def as_jpeg(image: Image.Image) -> bytes:
    """Return an image as JPEG; what is transparent becomes white."""
    ground = Image.new("RGB", image.size, "white")
    with_alpha = image.convert("RGBA")
    ground.paste(with_alpha, mask=with_alpha.getchannel("A"))
    written = BytesIO()
    ground.save(written, "JPEG", quality=QUALITY, optimize=True)
    return written.getvalue()
