"""Who takes part, and with which of the settings that each documents for reliability."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

TIMEOUT: Final = 5.0


@dataclass(frozen=True)
class Contestant:
    """One peer.

    `module` is the file in peers/, `environment` the file in benchmarks/requirements/. `timeout` is after how many
    seconds its settings give a job to another worker, if ever. `patience` is for how many seconds after the last fault
    its jobs are waited for: two minutes, many times the timeout, but no longer than it takes to see the rest done for
    one that documents no redelivery. `note` explains a figure that would surprise.
    """

    name: str
    module: str
    environment: str
    distributions: tuple[str, ...]
    setting: str
    timeout: float = TIMEOUT
    patience: float = 120.0
    note: str = ""


OURS: Final = "aioqueue"

CONTESTANTS: Final = (
    Contestant(
        name=OURS,
        module="aioqueue_faults",
        environment="aioqueue",
        distributions=("aioqueue", "redis"),
        setting="`aioqueue worker -c 4 --lease 5` (default 30); 5 deliveries, the default",
        note="a job whose worker died or seemed dead is a suspect, of which a worker runs one at a time: the four of a "
        "frozen worker run one after the other.",
    ),
    Contestant(
        name="huey",
        module="huey_faults",
        environment="huey",
        distributions=("huey", "redis"),
        setting="`huey_consumer -w 4 -k process -c 1`: dead worker processes are replaced; it has no redelivery",
        patience=30.0,
        note="taking a job from its queue deletes it there, so what is in hand dies with the process.",
    ),
    Contestant(
        name="saq",
        module="saq_faults",
        environment="saq",
        distributions=("saq", "redis"),
        setting="`heartbeat=5`, kept up by the job itself, `timeout=0`, `retries=5`, `timers={'sweep': 1}` "
        "(default 60)",
        note="a sweep asks for the end of each job in turn and waits for it for up to five seconds.",
    ),
    Contestant(
        name="arq",
        module="arq_faults",
        environment="arq",
        distributions=("arq", "redis"),
        timeout=TIMEOUT + 10.0,
        setting="`job_timeout=5`, `max_tries=5`, `poll_delay` 0.1 s, `retry_on_error` for lost connections; a job is "
        "given to another worker 10 s after its timeout, which no setting shortens",
        note="the same timeout bounds the job itself, so one that takes longer is stopped and fails; a longer timeout "
        "is a longer wait after a kill. What was in hand beside the poison each time has its tries used up with it.",
    ),
    Contestant(
        name="streaq",
        module="streaq_faults",
        environment="streaq",
        distributions=("streaq", "coredis"),
        setting="`idle_timeout=5` (default 60), `max_tries=5`",
        note="what was in hand beside the poison each time has its tries used up with it.",
    ),
    Contestant(
        name="taskiq",
        module="taskiq_faults",
        environment="taskiq",
        distributions=("taskiq-redis", "taskiq", "redis"),
        setting="`RedisStreamBroker`, `idle_timeout` 5 s (default 10 min), `unacknowledged_lock_timeout=5`, "
        "`xread_count=4`, `consumer_id='0'`, `--ack-type when_saved`, `--max-prefetch 0`",
        note="it looks for unacknowledged messages only after it has received new ones, so nothing is recovered on a "
        "queue to which nothing is added.",
    ),
    Contestant(
        name="docket",
        module="docket_faults",
        environment="docket",
        distributions=("pydocket", "redis"),
        setting="`redelivery_timeout` 5 s (default 5 min), `reconnection_delay` 1 s",
        note="no setting was found that bounds how often a job is delivered whose worker dies, so the poison goes on, "
        "and what is in hand beside it dies with it again and again.",
    ),
    Contestant(
        name="dramatiq",
        module="dramatiq_faults",
        environment="dramatiq",
        distributions=("dramatiq", "redis"),
        setting="`heartbeat_timeout` 5 s (default 60), `maintenance_chance` 1,000,000: looked after with every command",
        note="no setting was found that bounds how often a job is delivered whose worker dies, so the poison goes on, "
        "and what is in hand beside it dies with it again and again.",
    ),
    Contestant(
        name="celery",
        module="celery_faults",
        environment="celery",
        distributions=("celery", "kombu", "redis"),
        setting="`task_acks_late`, `task_reject_on_worker_lost`, `worker_prefetch_multiplier=1`, prefork, "
        "`visibility_timeout=5` (default 1 h), `unacked_restore_interval=1`, `unacked_restore_throttle=1`",
        note="the visibility timeout is not renewed, so what takes longer is delivered again meanwhile. "
        "`task_reject_on_worker_lost` delivers the poison again without end, of which its documentation warns; without "
        "it, a job is acknowledged when the process that runs it is killed.",
    ),
)


def chosen(names: tuple[str, ...]) -> tuple[Contestant, ...]:
    """The contestants of those names; all for no names. Raises LookupError naming the first unknown one."""
    known = {contestant.name for contestant in CONTESTANTS}
    for name in names:
        if name not in known:
            raise LookupError(f"no contestant called {name!r}; there are {', '.join(sorted(known))}")
    return tuple(contestant for contestant in CONTESTANTS if not names or contestant.name in names)
