"""What a web process can tell of itself."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from fastapi import FastAPI


def add_inside(app: FastAPI, waits: Callable[[], int]) -> None:
    """Have `GET /inside` answer how much is awaited, and how many asyncio tasks there are."""

    @app.get("/inside")
    async def inside() -> dict[str, int]:
        return {"waits": waits(), "tasks": len(asyncio.all_tasks())}
