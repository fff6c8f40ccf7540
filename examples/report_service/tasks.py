"""The queue of the service and its one task. A worker of its own: `aioqueue worker report_service.tasks:queue`."""

from __future__ import annotations

from aioqueue import Queue, current_job
from report_service.report import Report, report_on
from report_service.uploads import folder

KEPT = 86_400

queue = Queue(name="reports", result_ttl=KEPT)  # $AIOQUEUE_URL, else a SQLite file here


@queue.task(executor="process", timeout=300)
def make_report(upload: str, title: str) -> Report:
    """Read an uploaded file and report on it, in a process, so that neither the worker nor its other jobs wait."""
    return report_on(folder() / upload, title, tell)


def tell(done: int, total: int, rows: int) -> None:
    """Tell whoever follows the job how far it is."""
    queue.sync(current_job().progress(done, total, f"{rows:,} rows"))
