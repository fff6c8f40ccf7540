"""Web services of the examples, as real processes on a port of their own."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.examples.running import EXAMPLES, PATIENCE, environment_of

_RUNNING = re.compile(r"running on (http://127\.0\.0\.1:\d+)", re.IGNORECASE)


@contextmanager
def serving(module: str, *arguments: str, cwd: Path, **environment: str) -> Iterator[str]:
    """Run `python -m module` for the length of a block, and yield the address that it says it serves at.

    It must end in order when it is interrupted, and log no error and no traceback.
    """
    process = subprocess.Popen(
        [sys.executable, "-P", "-u", "-m", module, *arguments],
        cwd=cwd,
        env=environment_of(PYTHONPATH=str(EXAMPLES), **environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    log: deque[str] = deque(maxlen=1_000)
    rest = threading.Thread(target=log.extend, args=(process.stdout,), daemon=True)
    try:
        yield _address(process.stdout, log, rest)
        process.send_signal(signal.SIGINT)
        code = process.wait(PATIENCE)
        rest.join()
        said = "".join(log)
        assert code in (0, -signal.SIGINT), said
        assert "Traceback" not in said, said
    finally:
        process.kill()
        process.wait()
        if rest.ident is not None:
            rest.join()
        process.stdout.close()


def _address(output: Iterator[str], log: deque[str], rest: threading.Thread) -> str:
    for line in output:
        log.append(line)
        if found := _RUNNING.search(line):
            rest.start()
            return found[1]
    raise AssertionError("the service did not start: " + "".join(log))
