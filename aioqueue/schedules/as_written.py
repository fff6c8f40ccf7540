"""How a schedule is shown: as it would be typed."""

from __future__ import annotations

from dataclasses import MISSING, fields
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


def as_written(schedule: DataclassInstance) -> str:
    """Return the call that makes `schedule`, without the arguments left at their defaults."""
    parts = []
    for field in fields(schedule):
        if not field.init:
            continue
        value = getattr(schedule, field.name)
        if value == field.default:
            continue
        shown = repr(str(value)) if field.name == "tz" else repr(value)
        parts.append(shown if field.default is MISSING else f"{field.name}={shown}")
    return f"{type(schedule).__name__}({', '.join(parts)})"
