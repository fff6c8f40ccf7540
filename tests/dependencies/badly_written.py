"""Signatures that only a module can have: names that come later, or never."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from aioqueue import Depends

if TYPE_CHECKING:
    from elsewhere import Missing  # type: ignore[import-not-found]


def hen(egg: Annotated[str, Depends(egg)]) -> str:
    return egg


def egg(hen: Annotated[str, Depends(hen)]) -> str:
    return hen


def lone() -> str:
    return ""


async def unreadable(a: Annotated[Missing, Depends(lone)]) -> None: ...


async def unread(day: str, a: Missing = Depends(lone)) -> None: ...


def in_a_process(a: str = Depends(lone, scope="worker")) -> None: ...
