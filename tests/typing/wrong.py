"""Each marked line, and no other, must be an error in both checkers."""

from __future__ import annotations

from uses import add, queue, with_job


async def main() -> None:
    await add("no")  # E1
    await add(1, 2, 3)  # E2
    add(1, 2)  # E3 forgotten await
    await add.options(dela=1)(1)  # E4
    await with_job()  # E6
    add.s("x")  # E7
    x: str = await (await add(1))  # E16


@queue.task(retrys=2)  # E20
async def typo(n: int) -> None: ...
