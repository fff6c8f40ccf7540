"""The web side: a form, pages that show how far a report is and what it says, and the same for programs as JSON.

With workers elsewhere: `uvicorn report_service.app:app`. For development: `python -m report_service`.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path, PurePath
from typing import Annotated, Any

from anyio import to_thread
from fastapi import APIRouter, Depends, FastAPI, Query, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse
from fastapi.staticfiles import StaticFiles
from fastapi.templating import Jinja2Templates

from aioqueue import Result, ResultTimeout, ResultUnknown, StoreUnavailable, TaskCancelled, TaskException
from aioqueue.frameworks.starlette import lifespan, progress, respond
from report_service.receiving import uploaded
from report_service.report import NotCsv, Report
from report_service.tasks import make_report, queue
from report_service.uploads import LARGEST, BadUpload, keep

HERE = Path(__file__).parent
PATIENCE = 10.0

router = APIRouter()
templates = Jinja2Templates(HERE / "templates")


def create_app(worker: Mapping[str, Any] | None = None) -> FastAPI:
    """Return the application; `worker` has the options of a worker that runs inside it, for development."""
    app = FastAPI(title="Reports on CSV files", lifespan=lifespan(queue, worker=worker))
    app.include_router(router)
    app.mount("/static", StaticFiles(directory=HERE / "static"), name="static")
    app.add_exception_handler(BadUpload, refused)
    app.add_exception_handler(ResultUnknown, unknown)
    app.add_exception_handler(StoreUnavailable, unavailable)
    return app


# ---------------------------------------------------------------------- what requests bring
async def start_report(request: Request) -> Result[Report]:
    """Keep the file of a form, and enqueue the job that reports on it."""
    async with uploaded(request) as upload:
        name = await to_thread.run_sync(keep, upload.file)
    return await make_report(name, PurePath(upload.filename or name).name)


def asked_report(job_id: str) -> Result[Report]:
    """Return the handle on a report that a path names; `ResultUnknown` for what is no id of a job."""
    try:
        return make_report.result(job_id)
    except ValueError as error:
        raise ResultUnknown(str(error)) from None


Started = Annotated[Result[Report], Depends(start_report)]
Asked = Annotated[Result[Report], Depends(asked_report)]
Seconds = Annotated[float, Query(ge=0, le=PATIENCE, allow_inf_nan=False)]


# ---------------------------------------------------------------------- for people
@router.get("/")
async def form(request: Request) -> Response:
    """Show the form."""
    return page(request, "form.html")


@router.post("/reports")
async def upload(request: Request, started: Started) -> Response:
    """Take a file, and lead to its report."""
    return RedirectResponse(request.url_for("report", job_id=started.id).path, HTTPStatus.SEE_OTHER)


@router.get("/reports/{job_id}")
async def report(request: Request, asked: Asked) -> Response:
    """Show the report; how far it is, with 202, if it is not ready; or why there is none."""
    try:
        return page(request, "report.html", report=await asked.get(timeout=0))
    except ResultTimeout:
        return page(request, "progress.html", HTTPStatus.ACCEPTED, id=asked.id)
    except TaskCancelled as error:
        return page(request, "failed.html", HTTPStatus.GONE, why=reason(error))
    except TaskException as error:
        status = HTTPStatus.UNPROCESSABLE_ENTITY if is_about_the_file(error) else HTTPStatus.INTERNAL_SERVER_ERROR
        return page(request, "failed.html", status, why=reason(error))


@router.get("/reports/{job_id}/progress")
async def follow(request: Request, asked: Asked) -> Response:
    """Tell the browser how far the report is, as server-sent events."""
    return await progress(asked, request, say=reason)


@router.post("/reports/{job_id}/cancel")
async def cancel(request: Request, asked: Asked) -> Response:
    """Stop the work on a report."""
    await asked.cancel()
    return RedirectResponse(request.url_for("report", job_id=asked.id).path, HTTPStatus.SEE_OTHER)


# ---------------------------------------------------------------------- for programs
@router.post("/api/reports")
async def upload_from_program(request: Request, started: Started, patience: Seconds = PATIENCE) -> Response:
    """Take a file, and answer with its report; with 202 and a link if it takes longer than `patience` seconds."""
    link = request.url_for("report_for_program", job_id=started.id).path
    return await respond(started, request, timeout=patience, link=link, say=reason)


@router.get("/api/reports/{job_id}")
async def report_for_program(request: Request, asked: Asked) -> Response:
    """Answer with the report; with 202 and a link if it is not ready in time."""
    return await respond(asked, request, timeout=PATIENCE, say=reason)


# ---------------------------------------------------------------------- answers
def page(request: Request, template: str, status: HTTPStatus = HTTPStatus.OK, **shown: object) -> Response:
    """Return a page."""
    headers = {"Content-Security-Policy": "default-src 'self'", "Cache-Control": "no-store"}
    return templates.TemplateResponse(request, template, {"largest": LARGEST, **shown}, status, headers)


def is_about_the_file(error: TaskException) -> bool:
    """Tell whether a report failed for what is in the file, which is the uploader's business, and nothing else is."""
    return error.error.startswith(f"{NotCsv.__name__}: ")


def reason(error: TaskException) -> str:
    """Return why there is no report, for people: without the name of an exception, or what is no business of theirs."""
    if isinstance(error, TaskCancelled):
        return "It was cancelled."
    return error.error.partition(": ")[2] if is_about_the_file(error) else "The report could not be made."


def refused(request: Request, error: Exception) -> Response:
    """Answer to an upload that is refused: the form with the reason."""
    assert isinstance(error, BadUpload)
    return complaint(request, "form.html", error.status, str(error))


def unknown(request: Request, _error: Exception) -> Response:
    """Answer to whoever asks for a report that is not there, or not any more."""
    return complaint(request, "failed.html", HTTPStatus.NOT_FOUND, "There is no such report, or not any more.")


def unavailable(request: Request, _error: Exception) -> Response:
    """Answer while the store of the queue cannot be reached."""
    line = "Reports cannot be made or shown at the moment. Try again soon."
    return complaint(request, "failed.html", HTTPStatus.SERVICE_UNAVAILABLE, line)


def complaint(request: Request, template: str, status: HTTPStatus, line: str) -> Response:
    """Return a page that says what is wrong; for programs the line alone."""
    if request.url.path.startswith("/api/"):
        return JSONResponse({"error": line}, status)
    return page(request, template, status, why=line)


app = create_app()
