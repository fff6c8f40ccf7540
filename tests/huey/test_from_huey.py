"""Every Python block of docs/from-huey.md does what it says, on every store."""

from __future__ import annotations

import re
from typing import Any, Final

import pytest

import aioqueue
from aioqueue import Queue
from tests.docs.pages import ROOT, Block, blocks_of
from tests.docs.program import expect, statements_of
from tests.huey.workday import Workday

pytestmark = pytest.mark.asyncio

PAGE: Final = ROOT / "docs" / "from-huey.md"


def blocks() -> list[Block]:
    return [block for block in blocks_of(PAGE) if block.language == "python"]


@pytest.mark.parametrize("block", blocks(), ids=lambda block: f"{block.heading}, line {block.line}")
async def test_block(block: Block, queue: Queue, workday: Workday) -> None:
    names: dict[str, Any] = {name: getattr(aioqueue, name) for name in aioqueue.__all__}
    names |= {"__name__": "demo", "queue": queue, "work": workday.work, "later": workday.later, "heard": workday.heard}
    names["expect"] = expect
    async with queue:
        for statement in statements_of(block):
            running = eval(statement, names)
            if running is not None:
                await running
        await names["queue"].close()


# What Huey's documents have, section by section: under which heading it is here, and what its code must use.
FEATURES: Final = [
    ("guide", "Guide", "A task", ("@queue.task", "await result")),
    ("guide", "Guide", "Its result", (".ready()", ".get(timeout=5)", ".result(result.id)", ".state()")),
    ("guide", "Scheduling tasks", "Scheduling tasks", (".schedule((3, 4), delay=", "eta=datetime", ".options(delay=")),
    ("guide", "Periodic tasks", "Periodic tasks", ("@queue.periodic_task(crontab(", "day_of_week=", ".next(")),
    ("guide", "Retrying tasks that fail", "Retrying tasks that fail", ("retries=", "retry_delay=", "RetryTask(")),
    ("guide", "Canceling or pausing tasks", "Revoking and restoring", ("result.revoke()", "result.restore()")),
    ("guide", "Canceling or pausing tasks", "Revoking and restoring", ("add.revoke()", "add.restore()")),
    ("guide", "Canceling or pausing tasks", "Revoking and restoring", ("result.is_revoked()", "add.is_revoked()")),
    ("guide", "Canceling or pausing periodic tasks", "`revoke_until` and `revoke_once`", ("revoke_until=",)),
    ("guide", "Canceling or pausing periodic tasks", "`revoke_until` and `revoke_once`", ("revoke_once=",)),
    ("guide", "Task pipelines", "Task pipelines", (".s(", ".then(", "queue.enqueue(")),
    ("guide", "Task pipelines", "A tuple or a dict for the next stage", ("tuple[int, int]", "dict[")),
    ("guide", "Locking tasks", "Locking tasks", ("@queue.lock_task(", "async with queue.lock_task(", ".is_locked(")),
    ("guide", "Signals", "Signals", ("@queue.signal()", "exc=None")),
    ("guide", "Immediate mode", "Immediate mode", ("immediate=True", "queue.immediate = False", ".scheduled()")),
    ("guide", "Tips and tricks", "`call_local`", (".call_local(3, 4)", ".fn(3, 4)", "queue.task()(_add)")),
    ("guide", "Tips and tricks", "`map`", (".map(",)),
    ("guide", "Tips and tricks", "Keys and values", ("queue.kv.get(", "queue.kv.put(", "queue.kv.pop(")),
    ("shared resources", "Managing shared resources", "`closing_task`", ("@queue.closing_task(",)),
    ("shared resources", "Startup hooks", "Startup hooks", ("@queue.on_startup(",)),
    ("shared resources", "Pre and post execute hooks", "Pre- and post-execute hooks", ("@queue.pre_execute()",)),
    ("shared resources", "Pre and post execute hooks", "Pre- and post-execute hooks", ("@queue.post_execute()",)),
    ("shared resources", "Pre and post execute hooks", "Pre- and post-execute hooks", ("CancelExecution(",)),
    ("signals", "Signals", "Signals", ("SIGNAL_COMPLETE", "SIGNAL_LOCKED", "disconnect_signal(")),
    ("signals", "Examples", "Signals", ('"executing", "complete"', '"error", "retrying"', '"revoked"', '"scheduled"')),
    ("consumer", "Consumer Event Emitter", "Events", ("queue.events()", ".status", ".traceback", ".error")),
]
# What has no code, but a text.
TOLD: Final = [
    ("shared resources", "Multi-processing", "Startup hooks", ('scope="process"', "on_shutdown")),
    ("consumer", "Consuming Tasks", "A task", ("huey_consumer.py", "aioqueue worker")),
    ("consumer", "Options for the consumer", "Options", ("`-w 8`", "`-v`", "`-l file`", "`-d`", "`-p`", "`-u`")),
    ("signals", "Performance considerations", "Deliberate departures", ("Coroutine handlers are awaited",)),
]


def sections() -> dict[str, str]:
    """Return the page by heading; of two that are alike, the text of both."""
    _, *rest = re.split(r"^#{2,3} ([^\n]*)$", PAGE.read_text(), flags=re.MULTILINE)
    found: dict[str, str] = {}
    for heading, text in zip(rest[::2], rest[1::2], strict=True):
        found[heading] = found.get(heading, "") + text
    return found


@pytest.mark.parametrize("feature", FEATURES, ids=lambda feature: f"{feature[0]}: {feature[1]}, {feature[3][0]}")
async def test_every_feature_has_a_block(feature: tuple[str, str, str, tuple[str, ...]]) -> None:
    _, _, heading, used = feature
    code = "".join(block.text for block in blocks() if block.heading == heading)
    assert [name for name in used if name not in code] == []


@pytest.mark.parametrize("feature", TOLD, ids=lambda feature: f"{feature[0]}: {feature[1]}")
async def test_every_feature_without_a_block_is_told(feature: tuple[str, str, str, tuple[str, ...]]) -> None:
    _, _, heading, named = feature
    text = sections()[heading]
    assert [name for name in named if name not in text] == []
