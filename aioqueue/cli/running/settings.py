"""What a worker command was told: its options, checked."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

LEASE = 30.0


class Settings(Struct, frozen=True, kw_only=True):
    """The options of `aioqueue worker`, as its `--help` describes them; times are seconds.

    `number` is which of `workers` supervised processes this is, from 1; 0 is none of them. `zone` is the time zone of
    schedules that name none, empty for each queue's own. `health_check_interval` is 0 where nobody is to look.
    """

    apps: tuple[str, ...]
    logfile: str = ""
    log_format: Literal["plain", "json"] = "plain"
    log_arguments: bool = False
    verbose: bool = False
    quiet: bool = False
    workers: int = 1
    number: int = 0
    concurrency: int = 100
    threads: int = 32
    processes: int | None = None
    periodic: bool = True
    delay: float = 0.1
    max_delay: float = 10.0
    backoff: float = 1.15
    zone: str = ""
    lease: float = LEASE
    loop_limit: float = 1.0
    health_check_interval: float = 100.0
    shutdown_timeout: float = 30.0
    flush_locks: bool = False
    max_tasks: int | None = None
    burst: bool = False
    reload: bool = False
    pidfile: str = ""
    health_port: int | None = None
    name: str = ""

    @property
    def is_supervised(self) -> bool:
        """Whether several processes, or one that is replaced, run under a supervisor."""
        return self.workers > 1 or self.reload

    @property
    def label(self) -> str:
        """The queues, and the name that the worker was given."""
        return " ".join(self.apps) + (f" name={self.name}" if self.name else "")
