"""Writes the receipts: one line for each thing that a process saw, appended to the file that all processes share.

`FAULTS_RECEIPTS` names the file.
"""

from __future__ import annotations

import json
import os
import time


def write(kind: str, number: int) -> None:
    """Append one line in one write, so that lines never mix and a killed process leaves none torn."""
    line = {"kind": kind, "job": number, "pid": os.getpid(), "at": time.monotonic()}
    descriptor = os.open(os.environ["FAULTS_RECEIPTS"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(descriptor, json.dumps(line).encode() + b"\n")
    finally:
        os.close(descriptor)
