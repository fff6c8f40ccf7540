"""Log records that say which job they were made in, as text or as JSON, and cannot be forged by what they quote.

The library logs to `aioqueue` and configures nothing. An application that wants jobs in its own records adds a
`JobFilter` to its handlers; `aioqueue worker` uses these formatters for its own.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from aioqueue.canvas.job import running_job
from aioqueue.logtext import json_line, many_lines, one_line

_CONTINUED: Final = "\n    "
_OURS: Final = frozenset(("job_id", "task_name", "job_arguments", "message", "asctime", "taskName"))
_KNOWN: Final = frozenset(vars(logging.makeLogRecord({}))) | _OURS
_UNSAYABLE: Final = (TypeError, ValueError, RecursionError)


class JobFilter(logging.Filter):
    """Lets every record pass, with `job_id` and `task_name` of the job it was made in, empty outside a job."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Add what is missing."""
        if not hasattr(record, "job_id"):
            job = running_job.get(None)
            record.job_id = one_line(job.id) if job is not None else ""
            record.task_name = job.task_name if job is not None else ""
        return True


class PlainLines(logging.Formatter):
    """One line a record; those that follow of a long one are indented, so that no text can pass for a record.

    Control characters are escaped. `arguments` shows the arguments of a job that starts, `worker` is which one logs.
    """

    def __init__(self, *, arguments: bool = False, worker: str = "") -> None:
        who = f"[worker {one_line(worker)}] ".replace("%", "%%") if worker else ""
        super().__init__(f"%(asctime)s %(levelname)-8s {who}%(message)s")
        self._arguments = arguments

    def format(self, record: logging.LogRecord) -> str:
        """Return the text of a record, without a line end."""
        line = many_lines(super().format(record)).rstrip("\n").replace("\n", _CONTINUED)
        job_id, task = _job_of(record)
        said = f"job {one_line(job_id)}" + (f" of {one_line(task)}" if task else "")
        if job_id and said not in line:
            line += f" [{said}]"
        if self._arguments and (shown := _arguments_of(record)):
            line += f" with {one_line(shown)}"
        return line


class JsonLines(logging.Formatter):
    """One JSON object a record: time (ISO 8601, UTC), level, logger, message; job, task, error and extra fields if any.

    `arguments` adds the arguments of a job that starts, `worker` which one logs.
    """

    def __init__(self, *, arguments: bool = False, worker: str = "") -> None:
        super().__init__()
        self._arguments = arguments
        self._worker = worker
        self._encoder = msgspec.json.Encoder(enc_hook=repr)

    def format(self, record: logging.LogRecord) -> str:
        """Return a record as JSON, without a line end."""
        job_id, task = _job_of(record)
        shown: dict[str, Any] = {
            "time": _moment(record.created),
            "level": record.levelname,
            "logger": record.name,
            "worker": self._worker,
            "message": record.getMessage(),
            "job": job_id,
            "task": task,
            "error": self.formatException(record.exc_info) if record.exc_info else "",
            "arguments": _arguments_of(record) if self._arguments else "",
        }
        fields = {name: value for name, value in shown.items() if value}
        extra = {name: value for name, value in vars(record).items() if name not in _KNOWN}
        return self._encode({**extra, **fields})

    def _encode(self, fields: dict[str, Any]) -> str:
        try:
            encoded = self._encoder.encode(fields)
        except _UNSAYABLE:
            encoded = self._encoder.encode({one_line(name): self._sayable(value) for name, value in fields.items()})
        return json_line(encoded.decode())

    def _sayable(self, value: Any) -> Any:
        """Return a value as JSON can say it: text without lone surrogates, anything else as Python shows it."""
        try:
            self._encoder.encode(value)
        except _UNSAYABLE:
            return one_line(value if isinstance(value, str) else repr(value))
        return value


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")


def _job_of(record: logging.LogRecord) -> tuple[str, str]:
    JobFilter().filter(record)
    return str(getattr(record, "job_id", "")), str(getattr(record, "task_name", ""))


def _arguments_of(record: logging.LogRecord) -> str:
    arguments = getattr(record, "job_arguments", None)
    return str(arguments) if arguments is not None else ""
