"""Who serves reports, each in an environment of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Contestant:
    """One queue behind the service. `module` is a file in services/: it has the `app`, and `work` runs its worker."""

    name: str
    module: str
    distributions: tuple[str, ...]
    setting: str

    @property
    def environment(self) -> str:
        """The file in requirements/."""
        return f"load-{self.name}"


WEB: Final = ("fastapi", "uvicorn", "uvloop", "httptools")

OURS: Final = Contestant(
    "aioqueue",
    "aioqueue_service",
    ("aioqueue", "redis", "hiredis", *WEB),
    "`examples/report_service` as it is, on uvicorn, and `aioqueue worker report_service.tasks:queue`",
)
CONTESTANTS: Final = (
    OURS,
    Contestant(
        "saq",
        "saq_service",
        ("saq", "redis", "hiredis", *WEB),
        "`concurrency=100`, `max_concurrent_ops=100`; waits by `job.refresh(until_complete=)`, which listens, and asks "
        "again after 1 s",
    ),
    Contestant(
        "arq",
        "arq_service",
        ("arq", "redis", "hiredis", *WEB),
        "`max_jobs=100`, its worker polls every 10 ms, its waiters every 20 ms (10 to 100 tried); both default to 500",
    ),
)


def chosen(names: tuple[str, ...]) -> tuple[Contestant, ...]:
    """Return those of these names, all for none. Raises LookupError naming the first that is not there."""
    known = {contestant.name for contestant in CONTESTANTS}
    for name in names:
        if name not in known:
            raise LookupError(f"no service on {name!r}; there are {', '.join(sorted(known))}")
    return tuple(contestant for contestant in CONTESTANTS if not names or contestant.name in names)
