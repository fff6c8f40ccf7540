"""The report service as real processes, on a real Redis and on SQLite, its worker outside and inside."""

from __future__ import annotations

import contextlib
import csv
import json
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from statistics import fmean
from typing import Any

import httpx
import pytest

from tests.examples.running import EXAMPLES, PATIENCE, running_worker
from tests.examples.serving import serving

TASKS = "report_service.tasks:queue"
PEOPLE = "name;age;city\nAda;36;London\nGrace;85;New York\nAlan;41;London\nKatherine;;\n"


@dataclass(frozen=True)
class Place:
    """Where the parts of one service meet."""

    url: str
    folder: Path

    @contextlib.contextmanager
    def web(self) -> Iterator[httpx.Client]:
        """The web process, and a client of it."""
        module = ("uvicorn", "report_service.app:app", "--port", "0")
        surroundings = {"AIOQUEUE_URL": self.url, "REPORTS_FOLDER": str(self.uploads)}
        with (
            serving(*module, cwd=self.folder, **surroundings) as address,
            httpx.Client(base_url=address, timeout=PATIENCE) as client,
        ):
            yield client

    def worker(self) -> contextlib.AbstractContextManager[Any]:
        """A worker process."""
        return running_worker(TASKS, self.url, EXAMPLES, REPORTS_FOLDER=str(self.uploads))

    @property
    def uploads(self) -> Path:
        """Where both keep files."""
        return self.folder / "uploads"


@pytest.fixture(params=["sqlite", "redis"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    on_sqlite = request.param == "sqlite"
    url = f"sqlite:///{tmp_path / 'reports.db'}" if on_sqlite else request.getfixturevalue("redis_url")
    return Place(url, tmp_path)


@pytest.fixture
def client(place: Place) -> Iterator[httpx.Client]:
    with place.worker(), place.web() as client:
        yield client


def csv_of(rows: int) -> bytes:
    """Return a file whose every row differs."""
    written = StringIO()
    csv.writer(written).writerows([("number", "kind"), *((n / 8, f"kind {n % 12}") for n in range(rows))])
    return written.getvalue().encode()


def events(response: httpx.Response, most: int = 10_000) -> list[tuple[str, str, dict[str, Any]]]:
    """Return the id, the name and the data of server-sent events, up to the last or the `most`th."""
    seen, fields = [], {}
    for line in response.iter_lines():
        if line.startswith(":"):
            continue
        if line:
            name, _, value = line.partition(": ")
            fields[name] = value
        elif fields:
            seen.append((fields.get("id", ""), fields["event"], json.loads(fields["data"])))
            fields = {}
            if len(seen) == most:
                break
    return seen


def test_a_report_for_a_program(client: httpx.Client) -> None:
    answer = client.post("/api/reports", files={"file": ("people.csv", PEOPLE.encode())})
    assert answer.status_code == 200, answer.text
    ages = [36, 85, 41]
    numbers = {"smallest": min(ages), "mean": fmean(ages), "largest": max(ages), "total": sum(ages)}
    name, age, city = answer.json()["columns"]
    assert (answer.json()["title"], answer.json()["rows"]) == ("people.csv", 4)
    assert (name["name"], name["filled"], name["distinct"], len(name["top"])) == ("name", 4, 4, 4)
    assert age == {"name": "age", "filled": 3, "distinct": 3, "numbers": numbers, "top": []}
    assert city["top"] == [{"value": "London", "rows": 2}, {"value": "New York", "rows": 1}]


def test_not_ready_in_time_is_202_with_a_link(place: Place) -> None:
    with place.web() as client:
        answer = client.post("/api/reports?patience=0", files={"file": ("people.csv", PEOPLE.encode())})
        link = answer.headers["Location"]
        assert (answer.status_code, answer.json()["link"]) == (202, link)
        assert client.get(link.removeprefix("/api")).status_code == 202
        with place.worker():
            answer = client.get(link)
        assert (answer.status_code, answer.json()["rows"]) == (200, 4)


def test_pages(client: httpx.Client) -> None:
    content = b"name,<script>alert(1)</script>\nAda,<b>36</b>\n"
    taken = client.post("/reports", files={"file": ("<i>people.csv", content)})
    assert taken.status_code == 303
    page = taken.headers["Location"]
    with client.stream("GET", f"{page}/progress") as stream:
        assert events(stream)[-1][1] == "outcome"
    answer = client.get(page)
    assert (answer.status_code, answer.headers["Content-Security-Policy"]) == (200, "default-src 'self'")
    assert "&lt;b&gt;36&lt;/b&gt;" in answer.text
    assert not any(tag in answer.text for tag in ("<script>", "<b>", "<i>"))


def test_progress_goes_on_after_the_last_event_seen(client: httpx.Client) -> None:
    taken = client.post("/reports", files={"file": ("numbers.csv", csv_of(200_000))})
    progress = f"{taken.headers['Location']}/progress"
    with client.stream("GET", progress) as stream:
        assert stream.headers["Content-Type"].startswith("text/event-stream")
        seen = [event for event in events(stream, 6) if event[1] == "progress"]
    assert seen
    last = int(seen[-1][0])
    with client.stream("GET", progress, headers={"Last-Event-ID": str(last)}) as stream:
        *rest, outcome = events(stream)
    told = [told for told in rest if told[1] == "progress"]
    assert [int(number) for number, *_ in told] == list(range(last + 1, last + 1 + len(told)))
    shares = [data["done"] / data["total"] for *_, data in [*seen, *told]]
    assert shares == sorted(shares)
    assert 0 < shares[0] < shares[-1] <= 1
    assert (outcome[1], outcome[2]["state"], outcome[2]["value"]["rows"]) == ("outcome", "succeeded", 200_000)


def test_a_row_that_does_not_fit(client: httpx.Client) -> None:
    broken = b"a,b\n" + b"1,2\n" * 20_000 + b"1,2,3\n"
    why = "line 20002 has 3 fields, but the first has 2"
    answer = client.post("/api/reports", files={"file": ("broken.csv", broken)})
    link = answer.headers.get("Location") or f"/api/reports/{answer.json()['id']}"
    answer = client.get(link)
    assert (answer.status_code, answer.json()["error"]) == (500, why)
    page = client.get(link.removeprefix("/api"))
    assert page.status_code == 422
    assert why in page.text


def test_what_is_no_business_of_the_uploader_is_not_told(place: Place) -> None:
    with place.web() as client:
        page = client.post("/reports", files={"file": ("people.csv", PEOPLE.encode())}).headers["Location"]
        for upload in place.uploads.glob("*"):
            upload.unlink()
        with place.worker():
            answer = client.get(f"/api{page}")
        assert (answer.status_code, answer.json()["error"]) == (500, "The report could not be made.")
        shown = client.get(page)
        assert (shown.status_code, "The report could not be made." in shown.text) == (500, True)
        assert str(place.uploads) not in shown.text


def test_cancelled(place: Place) -> None:
    with place.web() as client:
        page = client.post("/reports", files={"file": ("people.csv", PEOPLE.encode())}).headers["Location"]
        assert client.post(f"{page}/cancel").status_code == 303
        assert (client.get(page).status_code, "It was cancelled." in client.get(page).text) == (410, True)
        answer = client.get(f"/api{page}")
        assert (answer.status_code, answer.json()["error"]) == (410, "It was cancelled.")


def test_alone_with_a_worker_inside(place: Place) -> None:
    surroundings = {"AIOQUEUE_URL": place.url, "REPORTS_FOLDER": str(place.uploads)}
    with serving("report_service", "--port", "0", cwd=place.folder, **surroundings) as address:
        answer = httpx.post(f"{address}/api/reports", files={"file": ("people.csv", PEOPLE.encode())}, timeout=PATIENCE)
        assert (answer.status_code, answer.json()["rows"]) == (200, 4)


BAD = {
    "empty": (b"", 400, "The file is empty."),
    "a head alone": (b"a,b\n", 400, "The file has no rows"),
    "binary": (b"a,b\n1,\0\n", 415, "it holds binary data"),
    "a picture": (b"\x89PNG\r\n\x1a\n", 415, "not encoded as UTF-8 (see byte 1)"),
    "another encoding": ("name,city\nJosé,Málaga\n".encode("latin-1"), 415, "not encoded as UTF-8 (see byte 14)"),
    "cut in mid-character": ("a,b\n1,é\n".encode()[:-2], 415, "not encoded as UTF-8"),
    "another encoding, late": (b"a,b\n" + b"1,2\n" * 100_000 + b"\xff,2\n", 415, "see byte 400,005"),
    "prose": (b"Dear Ada,\nhow are you, and how is Charles?\nYours, Grace, of old\n", 415, "column 2 has no name"),
    "rows that do not fit": (b"a,b\n1,2\n1\n", 415, "line 3 has 1 fields, but the first has 2"),
    "a quote that is left open": (b'a,b\n"1,2\n', 415, "line 2 cannot be read as CSV"),
    "too large": (b"a,b\n" + b"1,2\n" * (5 * 1024 * 1024), 413, "The file is larger than 20 MB."),
    "far too large": (b"a,b\n" + b"1,2\n" * (10 * 1024 * 1024), 413, "The file is larger than 20 MB."),
}


@pytest.fixture(scope="module")
def web_alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[httpx.Client, Path]]:
    folder = tmp_path_factory.mktemp("refusing")
    place = Place(f"sqlite:///{folder / 'reports.db'}", folder)
    with place.web() as client:
        yield client, place.uploads


@pytest.mark.parametrize("what", BAD)
def test_bad_uploads_are_refused_where_they_enter(web_alone: tuple[httpx.Client, Path], what: str) -> None:
    client, uploads = web_alone
    content, status, line = BAD[what]
    answer = client.post("/api/reports", files={"file": ("bad.csv", content)})
    assert answer.status_code == status
    assert line in answer.json()["error"]
    page = client.post("/reports", files={"file": ("bad.csv", content)})
    assert page.status_code == status
    assert line in page.text
    assert list(uploads.glob("*")) == []


@pytest.mark.parametrize(
    ("form", "status", "line"),
    [
        ({}, 400, "There is no file"),
        ({"content": iter([b"a,b\n1,2\n"])}, 400, "There is no file"),
        ({"content": b"a,b\n1,2\n"}, 400, "There is no file"),
        ({"data": {"file": "a,b\n1,2\n"}}, 400, "There is no file"),
        ({"files": {"other": ("people.csv", b"a,b\n1,2\n")}}, 400, "There is no file"),
    ],
)
def test_what_is_no_upload(web_alone: tuple[httpx.Client, Path], form: Any, status: int, line: str) -> None:
    answer = web_alone[0].post("/api/reports", **form)
    assert (answer.status_code, line in answer.json()["error"]) == (status, True), answer.text


HEAD = b"POST /api/reports HTTP/1.1\r\nHost: reports\r\nContent-Type: multipart/form-data; boundary=B\r\n"
PART = b'--B\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\na,b\n'


def connected(client: httpx.Client) -> socket.socket:
    """Return a connection of one's own, for what no client of HTTP would send."""
    return socket.create_connection((client.base_url.host, client.base_url.port or 0), timeout=20)


def chunk(content: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(content), content)


@pytest.mark.parametrize("said", [b"", b"Content-Length: 100\r\n"], ids=["no length", "a wrong length"])
def test_an_upload_without_end_is_refused(web_alone: tuple[httpx.Client, Path], said: bytes) -> None:
    client, uploads = web_alone
    rows = chunk(b"1,2\n" * 256 * 1024)
    with connected(client) as browser:
        with contextlib.suppress(ConnectionError):  # it is cut off at last
            browser.sendall(HEAD + said + b"Transfer-Encoding: chunked\r\n\r\n" + chunk(PART))
            for _ in range(110):
                browser.sendall(rows)
        assert browser.recv(12) == b"HTTP/1.1 413"
    assert list(uploads.glob("*")) == []


def test_a_byte_too_much_that_is_the_last(web_alone: tuple[httpx.Client, Path]) -> None:
    end = b"\r\n--B--\r\n"
    most = 20 * 1024 * 1024 + 10_000
    body = PART + b"1" * (most + 1 - len(PART) - len(end)) + end
    headers = {"Content-Type": "multipart/form-data; boundary=B"}
    assert web_alone[0].post("/api/reports", content=body, headers=headers, timeout=20).status_code == 413


def test_an_upload_need_not_say_its_length(web_alone: tuple[httpx.Client, Path]) -> None:
    body = PART + b"1,2\r\n--B--\r\n"
    headers = {"Content-Type": "multipart/form-data; boundary=B"}
    answer = web_alone[0].post("/reports", content=iter([body[:50], body[50:]]), headers=headers)
    assert (answer.status_code, answer.request.headers["Transfer-Encoding"]) == (303, "chunked"), answer.text
    for kept in web_alone[1].glob("*"):
        kept.unlink()


def test_a_browser_that_goes_away_while_it_uploads(place: Place) -> None:
    with place.web() as client:  # which must not log a traceback
        with connected(client) as browser:
            browser.sendall(HEAD + b"Content-Length: 1000000\r\n\r\n" + PART)
        assert client.get("/").status_code == 200
    assert list(place.uploads.glob("*")) == []


@pytest.mark.parametrize("job", ["0", "0192f0c1-2345-7abc-8def-0123456789ab", "x" * 300])
def test_no_such_report(web_alone: tuple[httpx.Client, Path], job: str) -> None:
    client, _ = web_alone
    assert client.get(f"/reports/{job}").status_code == 404
    assert client.get(f"/reports/{job}/progress").status_code == 404
    assert client.get(f"/api/reports/{job}").status_code == 404
    assert client.get(client.post(f"/reports/{job}/cancel").headers.get("Location", "/none")).status_code == 404
