"""What a check has found out, for people and as JSON. One schema for every way of looking.

Each key of the JSON is always there; null says that nobody looked, or that it cannot be seen from here.

- `running`: the answer, as the exit code has it: everything that was asked for is so
- `reason`: that in words, what is wrong first
- `process_running`: a worker's process was seen: by its lock, title or port, or by the id that a worker on this machine
  tells the store; false if that process is gone, even while its lease still runs
- `pid`: the id of that process
- `live`, `ready`: what the local health port answers
- `store_reachable`: the store answers
- `can_enqueue`: the store takes writes (one small key is written to see, for a second)
- `worker_available`: a worker claims jobs: its lease is renewed, it is not stopping, and its process has not been seen
  to be gone
- `paused`: the queue is paused: workers claim nothing
- `queued`, `scheduled`, `executing`: how many jobs
- `workers`: the workers in the store, each as `aioqueue workers --json` shows it
"""

from __future__ import annotations

import os
import sys

_LOOKED_AT: tuple[str, ...] = (
    "process_running",
    "pid",
    "live",
    "ready",
    "store_reachable",
    "can_enqueue",
    "worker_available",
    "paused",
    "queued",
    "scheduled",
    "executing",
    "workers",
)


class Finding:
    """What one way of looking found: whether all is well by it, a line that says so, and facts for the JSON."""

    def __init__(self, running: bool, line: str, **facts: object) -> None:
        self.running = running
        self.line = line
        self.facts = facts


def is_running(findings: list[Finding]) -> bool:
    """Whether everything that was looked at is well."""
    return all(finding.running for finding in findings)


def as_text(findings: list[Finding]) -> str:
    """Return a line for each way of looking, what is wrong first."""
    return "\n".join(finding.line for finding in _worst_first(findings))


def as_json(findings: list[Finding]) -> str:
    """Return one JSON object of the schema above, on one line."""
    import json  # noqa: PLC0415 -- a probe that prints none is faster without

    facts = dict.fromkeys(_LOOKED_AT)
    for finding in _worst_first(findings):
        facts.update({name: fact for name, fact in finding.facts.items() if facts[name] is None})
    reason = "; ".join(finding.line for finding in _worst_first(findings))
    return json.dumps({"running": is_running(findings), "reason": reason, **facts})


def tell(answer: str) -> None:
    """Print an answer; where that cannot be done, the exit code still is the answer."""
    try:
        print(answer, flush=True)
    except OSError:
        # What is left of it would be tried again at the end, and change the exit code.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _worst_first(findings: list[Finding]) -> list[Finding]:
    return sorted(findings, key=lambda finding: finding.running)
