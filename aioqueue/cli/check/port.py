"""Asking the local health port of a worker."""

from __future__ import annotations

import socket
import time

from aioqueue.cli.check.report import Finding

HOST = "127.0.0.1"
_LONGEST_LINE = 1_024


def look(port: int, *, ready: bool, timeout: float) -> Finding:
    """Whether the worker at `port` says that it lives, or with `ready` that it is ready to run jobs."""
    path, what = ("/readyz", "ready") if ready else ("/livez", "live")
    where = f"{HOST}:{port}{path}"
    try:
        status = _status(_first_line(port, path, time.monotonic() + timeout))
    except ConnectionRefusedError:
        return Finding(False, f"not running: nothing listens on {HOST}:{port}", process_running=False, **{what: False})
    except TimeoutError:
        return Finding(False, f"not {what}: {where} did not answer within {timeout:g} s", **{what: False})
    except OSError as error:
        return Finding(False, f"cannot tell: {where}: {error.strerror or error}")
    if status == 200:
        return Finding(True, f"running: {where} says {what}", process_running=True, **{what: True})
    if status == 503:
        return Finding(False, f"not {what}: {where} says so", process_running=True, **{what: False})
    return Finding(False, f"cannot tell: {where} is no health port of a worker")


def _first_line(port: int, path: str, deadline: float) -> bytes:
    """Return what the server answers first; `TimeoutError` at the deadline, however slowly it goes on answering."""
    answer = b""
    with socket.create_connection((HOST, port), _left(deadline)) as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n".encode())
        while b"\n" not in answer and len(answer) < _LONGEST_LINE:
            connection.settimeout(_left(deadline))
            received = connection.recv(_LONGEST_LINE)
            if not received:
                break
            answer += received
    return answer.partition(b"\r\n")[0]


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _status(line: bytes) -> int:
    """Return the status of an HTTP answer, 0 if it is none."""
    version, _, rest = line.partition(b" ")
    code = rest[:3]
    return int(code) if version.startswith(b"HTTP/") and code.isdigit() else 0
