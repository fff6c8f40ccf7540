"""Handing the value of one stage to the next, as bytes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Literal, TypeAlias

from aioqueue.record import Handed
from aioqueue.serializers import Serializer

Shape: TypeAlias = Literal["value", "tuple", "dict", "nothing"]

# How a chord's values make up one list: None stands for one of them, a list for those of a group.
Nesting: TypeAlias = list[Any]


def hand_over(serializer: Serializer, value: bytes, shape: Shape, handed: bytes) -> Handed:
    """Put a value before the arguments that a stage was given: a tuple spread, a dict as keywords that are absent."""
    args, kwargs = serializer.decode(handed)
    match shape:
        case "tuple":
            args = [*serializer.decode(value), *args]
        case "dict":
            kwargs = {**serializer.decode(value), **kwargs}
        case "value":
            args = [serializer.decode(value), *args]
        case "nothing":
            pass
    return Handed(serializer.encode([args, kwargs]))


def arguments_of(
    serializer: Serializer, handed: Handed, inputs: Sequence[bytes] | None
) -> tuple[list[Any], dict[str, Any]]:
    """Return positional and keyword arguments; the `inputs` of a chord's callback go first, as one list."""
    args, kwargs = serializer.decode(handed.values)
    if inputs is not None:
        values = (serializer.decode(value) for value in inputs)
        args = [_nested(handed.nesting, values) if handed.nesting else list(values), *args]
    return args, kwargs


def hand_over_nothing(serializer: Serializer, nesting: Nesting, handed: bytes) -> Handed:
    """Put what a chord without jobs gives, a list of nothing but empty lists, before the arguments of its callback."""
    return hand_over(serializer, serializer.encode(_nested(nesting, iter(()))), "value", handed)


def _nested(nesting: Nesting, values: Iterator[Any]) -> list[Any]:
    return [next(values) if each is None else _nested(each, values) for each in nesting]
