"""The thumbnail service as real processes, with real images, on a real Redis and on SQLite."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path

import httpx
import pytest
from PIL import Image

from tests.examples.running import EXAMPLES, PATIENCE, running_worker
from tests.examples.serving import serving

TASKS = "thumbnails.tasks:queue"
UPSIDE_DOWN, ON_ITS_SIDE = 3, 6
ORIENTATION = 0x0112
WARNED_OF_SIZES = "default,error:Image size:RuntimeWarning"  # what Pillow says of many pixels
RED, BLUE = (200, 30, 30), (30, 30, 200)


def picture(form: str, size: tuple[int, int] = (1_200, 800), orientation: int = 1, mode: str = "RGB") -> bytes:
    """Return an image whose left half is red and whose right half is blue."""
    image = Image.new("RGB", size, BLUE)
    image.paste(RED, (0, 0, size[0] // 2, size[1]))
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    written = BytesIO()
    image.convert(mode).save(written, form, exif=exif)
    return written.getvalue()


def is_near(found: object, wanted: tuple[int, int, int]) -> bool:
    assert isinstance(found, tuple)
    return all(abs(one - other) < 30 for one, other in zip(found, wanted, strict=True))


def opened(answer: httpx.Response) -> Image.Image:
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "image/jpeg"), answer.text
    return Image.open(BytesIO(answer.content))


def uploaded(client: httpx.Client, content: bytes) -> str:
    answer = client.post("/images", content=content)
    assert answer.status_code == 201, answer.text
    return str(answer.headers["Location"])


@pytest.fixture(params=["sqlite", "redis"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    on_sqlite = request.param == "sqlite"
    return f"sqlite:///{tmp_path / 'thumbnails.db'}" if on_sqlite else request.getfixturevalue("redis_url")


@pytest.fixture
def client(url: str, tmp_path: Path) -> Iterator[httpx.Client]:
    """A client of the web process, with a worker outside."""
    folder = {"THUMBNAILS_FOLDER": str(tmp_path / "images")}
    with (
        running_worker(TASKS, url, EXAMPLES, **folder),
        serving("thumbnails", "--no-worker", "--port", "0", cwd=tmp_path, AIOQUEUE_URL=url, **folder) as address,
        httpx.Client(base_url=address, timeout=PATIENCE) as client,
    ):
        yield client


@pytest.mark.parametrize("form", ["JPEG", "PNG", "GIF", "WEBP"])
def test_a_thumbnail_of_each_format(client: httpx.Client, form: str) -> None:
    link = uploaded(client, picture(form, mode="P" if form == "GIF" else "RGB"))
    with opened(client.get(link, params={"width": 120})) as small:
        assert small.size == (120, 80)
        assert is_near(small.getpixel((10, 40)), RED)
        assert is_near(small.getpixel((110, 40)), BLUE)


def test_upright_and_without_what_the_camera_wrote(client: httpx.Client) -> None:
    with opened(client.get(uploaded(client, picture("JPEG", orientation=UPSIDE_DOWN)))) as small:
        assert is_near(small.getpixel((10, 60)), BLUE)
        assert dict(small.getexif()) == {}
    with opened(client.get(uploaded(client, picture("JPEG", orientation=ON_ITS_SIDE)))) as small:
        assert small.size == (200, 300)
        assert is_near(small.getpixel((100, 10)), RED)


def test_transparent_is_white_and_small_stays_small(client: httpx.Client) -> None:
    written = BytesIO()
    Image.new("RGBA", (50, 40), (0, 0, 0, 0)).save(written, "PNG")
    with opened(client.get(uploaded(client, written.getvalue()))) as small:
        assert small.size == (50, 40)
        assert is_near(small.getpixel((5, 5)), (255, 255, 255))


def test_as_long_as_can_be(client: httpx.Client) -> None:
    with opened(client.get(uploaded(client, picture("PNG", (2, 65_500))))) as small:
        assert small.size == (2, 65_500)


def test_many_ask_at_once(client: httpx.Client) -> None:
    link = uploaded(client, picture("JPEG", (4_000, 3_000)))
    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda _: client.get(link), range(24)))
    assert {(answer.status_code, answer.content) for answer in answers} == {(200, answers[0].content)}


def test_a_file_that_only_begins_as_an_image(client: httpx.Client) -> None:
    content = picture("JPEG")
    answer = client.get(uploaded(client, content[: len(content) // 2]))
    assert (answer.status_code, answer.json()["error"]) == (500, "the job failed")


def test_alone_with_a_worker_inside(url: str, tmp_path: Path) -> None:
    folder = str(tmp_path / "images")
    with (
        serving("thumbnails", "--port", "0", cwd=tmp_path, AIOQUEUE_URL=url, THUMBNAILS_FOLDER=folder) as address,
        httpx.Client(base_url=address, timeout=PATIENCE) as client,
    ):
        opened(client.get(uploaded(client, picture("PNG")))).close()


@pytest.fixture(scope="module")
def web_alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A web process without any worker."""
    cwd = tmp_path_factory.mktemp("thumbnails")
    with (
        serving("thumbnails", "--no-worker", "--port", "0", cwd=cwd, PYTHONWARNINGS=WARNED_OF_SIZES) as address,
        httpx.Client(base_url=address, timeout=PATIENCE) as client,
    ):
        yield client


def blank(size: tuple[int, int]) -> bytes:
    written = BytesIO()
    Image.new("1", size).save(written, "PNG")
    return written.getvalue()


@pytest.mark.parametrize(
    ("content", "status", "line"),
    [
        (b"", 400, "The body is empty"),
        (b"%PDF-1.7", 415, "no image: JPEG, PNG, GIF, WEBP"),
        (b"\x89PNG\r\n\x1a\n", 415, "no image"),
        (b"BM" + bytes(100), 415, "no image"),
        (blank((20_000, 20_000)), 415, "no image"),
        (bytes(21 * 1024 * 1024), 413, "Maximum request body size"),
    ],
)
def test_bad_uploads_are_refused_where_they_enter(
    web_alone: httpx.Client, content: bytes, status: int, line: str
) -> None:
    answer = web_alone.post("/images", content=content)
    assert (answer.status_code, line in answer.text) == (status, True), answer.text


@pytest.mark.parametrize("height", [6_000, 12_000])
def test_many_pixels_are_refused(web_alone: httpx.Client, height: int) -> None:
    answer = web_alone.post("/images", content=blank((10_000, height)))
    assert (answer.status_code, answer.text) == (413, f"10000 x {height} pixels are too many.")


@pytest.mark.parametrize("size", [(1, 70_000), (70_000, 1), (1, 65_501)])
def test_sides_that_no_thumbnail_can_have_are_refused(web_alone: httpx.Client, size: tuple[int, int]) -> None:
    answer = web_alone.post("/images", content=picture("PNG", size))
    line = "{} x {} pixels: no side may be longer than 65500.".format(*size)
    assert (answer.status_code, answer.text) == (413, line)


@pytest.mark.parametrize("width", ["0", "15", "1025", "-1", "wide", "", "1e2", "²", "9" * 5_000])
def test_widths_that_no_thumbnail_has(web_alone: httpx.Client, width: str) -> None:
    answer = web_alone.get(uploaded(web_alone, picture("PNG")), params={"width": width})
    assert (answer.status_code, answer.text) == (400, "width= is 16 to 1024 pixels.")


@pytest.mark.parametrize("digest", ["0" * 64, "..%2F..%2Fetc", "x"])
def test_no_such_image(web_alone: httpx.Client, digest: str) -> None:
    assert web_alone.get(f"/images/{digest}/thumbnail").status_code == 404


def test_not_ready_in_time_is_202_with_a_link(web_alone: httpx.Client) -> None:
    link = uploaded(web_alone, picture("PNG")) + "?width=99"
    answer = web_alone.get(link)
    assert (answer.status_code, answer.headers["Location"]) == (202, link)
