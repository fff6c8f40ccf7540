"""The report service as its users see it: a form, a bar that moves, a report."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from tests.e2e.conftest import Service
from tests.e2e.stopping import standing_still

PATIENCE = 30
ROWS = 250_000


@pytest.fixture
def sales(tmp_path: Path) -> Path:
    """A file that keeps a process busy for some seconds."""
    path = tmp_path / "sales.csv"
    cities = ("Berlin", "Paris", "Madrid", "Lisboa", "København", "Praha", "Roma")
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("order", "city", "amount", "note"))
        writer.writerows(
            (number, cities[number * number % 7], f"{number % 1000 / 4}", "express" if number % 3 == 0 else "")
            for number in range(ROWS)
        )
    return path


def until(browser: Chrome, condition: Callable[[Chrome], bool]) -> None:
    WebDriverWait(browser, PATIENCE, poll_frequency=0.02).until(condition)


def text(browser: Chrome, selector: str) -> str:
    """Return what is written in the first such element, empty for none; in one step, since the page may change."""
    script = "const found = document.querySelector(arguments[0]); return found ? found.innerText : ''"
    return str(browser.execute_script(script, selector))


def bar(browser: Chrome) -> float:
    """Return how far the bar is, 0 to 1; -1 on another page, or as long as the bar knows nothing."""
    script = "const bar = document.getElementById('bar'); return bar ? bar.position : -1"
    return float(browser.execute_script(script))


def upload(browser: Chrome, service: Service, file: Path) -> None:
    browser.get(service.address)
    browser.find_element(By.ID, "file").send_keys(str(file))
    browser.find_element(By.CSS_SELECTOR, "form button").click()


def complaints(browser: Chrome) -> list[str]:
    return [f"{entry['level']}: {entry['message']}" for entry in browser.get_log("browser")]


def picture(browser: Chrome, name: str) -> None:
    if folder := os.environ.get("AIOQUEUE_E2E_PICTURES"):
        browser.save_screenshot(str(Path(folder) / f"{name}.png"))


def test_upload_progress_reload_report(browser: Chrome, service: Service, sales: Path) -> None:
    browser.get(service.address)
    picture(browser, "form")
    upload(browser, service, sales)
    until(browser, lambda _: bar(browser) > 0)
    seen = [bar(browser)]
    until(browser, lambda _: bar(browser) > seen[0])
    with standing_still(service.worker.pid):
        until(browser, lambda _: "rows" in text(browser, "#note"))
        picture(browser, "progress")
        address, before = browser.current_url, bar(browser)
        browser.refresh()
        until(browser, lambda _: bar(browser) >= before)
        assert before <= bar(browser) < 1
        assert text(browser, "#percent") == f"{int(100 * bar(browser))} %"
        assert browser.current_url == address
    until(browser, lambda _: text(browser, "h1") == "sales.csv")
    assert browser.current_url == address
    assert text(browser, ".lead") == f"{ROWS:,} rows, 4 columns"
    assert [heading.text for heading in browser.find_elements(By.TAG_NAME, "h2")] == ["order", "city", "amount", "note"]
    assert text(browser, "section:nth-of-type(4) tr").split() == ["express", f"{len(range(0, ROWS, 3)):,}"]
    picture(browser, "report")
    assert complaints(browser) == []


def test_cancelled(browser: Chrome, service: Service, sales: Path) -> None:
    upload(browser, service, sales)
    until(browser, lambda _: bar(browser) > 0)
    with standing_still(service.worker.pid):
        browser.find_element(By.CSS_SELECTOR, "button.quiet").click()
        until(browser, lambda _: text(browser, "#why") == "It was cancelled.")


def test_a_row_that_does_not_fit(browser: Chrome, service: Service, tmp_path: Path) -> None:
    path = tmp_path / "broken.csv"
    path.write_text("a,b\n" + "1,2\n" * 100_000 + "1,2,3\n")
    upload(browser, service, path)
    until(browser, lambda _: text(browser, "#why") == "line 100002 has 3 fields, but the first has 2")
    picture(browser, "failed")


def test_refused_by_the_server(browser: Chrome, service: Service, tmp_path: Path) -> None:
    path = tmp_path / "letter.csv"
    path.write_bytes("name,city\nJosé,Málaga\n".encode("latin-1"))
    upload(browser, service, path)
    until(browser, lambda _: "not encoded as UTF-8 (see byte 14)" in text(browser, "#why"))
    assert browser.find_element(By.ID, "file").get_attribute("aria-describedby") == "wanted why"
    picture(browser, "refused")


def test_too_large_is_said_before_it_travels(browser: Chrome, service: Service, tmp_path: Path) -> None:
    path = tmp_path / "large.csv"
    path.write_bytes(b"a,b\n" + b"1,2\n" * (5 * 1024 * 1024))
    upload(browser, service, path)
    assert text(browser, "#why") == "The file is larger than 20 MB."
    assert browser.current_url == f"{service.address}/"
    assert complaints(browser) == []
