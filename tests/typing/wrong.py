"""Each marked line, and no other, must be an error in both checkers."""

from __future__ import annotations

from typing import Any

from uses import (
    add,
    bare,
    beat,
    connection,
    dependent,
    failed,
    fib,
    length,
    open_db,
    queue,
    row,
    session,
    slow,
    total,
    wide,
    with_job,
)

from aioqueue import Depends, Job, chord, crontab, group
from aioqueue.frameworks.starlette import lifespan


async def main() -> None:
    await add("no")  # E1
    await add(1, 2, 3)  # E2
    add(1, 2)  # E3 forgotten await
    await add.options(dela=1)(1)  # E4
    await beat(1)  # E5
    await with_job()  # E6
    add.s("x")  # E7
    slow.s("x").then(add)  # E8 list[str] into int
    add.s(1).then(wide)  # E9 label missing
    add.s(1).then(add, "x")  # E12
    chord([slow.s("x")], total)  # E14
    chord([add.s(1).then(wide, "x")], total)  # E35 the last value counts
    chord([slow.s("x").then(length)], total, "x")  # E36
    chord([group([add.s(1)])], total)  # E37 the value of a group is a list
    chord([add.s(1), group([add.s(1)])], total)  # E38
    group([add])  # E39
    fib.s(1).then(bare)  # E15 tuple spread over one parameter
    x: str = await (await add(1))  # E16
    add.s(1).error(add)  # E21 a callback takes the exception
    add.s(1).then(add).error(failed, 5)  # E22
    await queue.enqueue(row)  # E23 a task is no job
    await add.revoke(revoke_until="tomorrow")  # E24
    await queue.lock_task("a")  # E25 a lock is no awaitable


@queue.periodic_task(crontab())  # E17 takes no parameters
async def periodic_with_argument(n: int) -> None: ...


@queue.signal("errror")  # E18
def h(signal: str, job: Job[Any]) -> None: ...


@queue.signal  # E19 bare
def h2(signal: str, job: Job[Any]) -> None: ...


@queue.task(retrys=2)  # E20
async def typo(n: int) -> None: ...


@queue.context_task(session, as_argument=True)  # E26 the first argument is an int
async def not_a_session(s: str, n: int) -> None: ...


@queue.context_task(connection, as_argument=True, retrys=2)  # E27
def typo_within(c: str) -> None: ...


@queue.on_startup(scope="thred")  # E28
def up() -> None: ...


@queue.periodic_task(crontab(), misfire="never")  # E29
async def misfired() -> None: ...


@queue.task
async def of_another_type(db: str = Depends(open_db)) -> None: ...  # E30 it makes a Store


@queue.task
async def of_no_scope(db: str = Depends(lambda: "db", scope="request")) -> None: ...  # E31


lifespan("redis://")  # E32 takes queues
queue.override(open_db, "fake")  # E33 takes a factory
dependent(1)  # E34 the day is a text
