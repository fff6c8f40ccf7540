"""Handing the value of one stage to the next, as bytes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, TypeAlias

import msgspec

Shape: TypeAlias = Literal["value", "tuple", "dict", "nothing"]

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder().decode


def hand_over(value: bytes, shape: Shape, handed: bytes) -> bytes:
    """Put a value before the arguments that a stage was given: a tuple spread, a dict as keywords that are absent."""
    args, kwargs = _decode(handed)
    match shape:
        case "tuple":
            args = [*_decode(value), *args]
        case "dict":
            kwargs = {**_decode(value), **kwargs}
        case "value":
            args = [_decode(value), *args]
        case "nothing":
            pass
    return _encode([args, kwargs])


def arguments_of(handed: bytes, inputs: Sequence[bytes] | None) -> tuple[list[Any], dict[str, Any]]:
    """Return positional and keyword arguments; the `inputs` of a chord's callback go first, as one list."""
    args, kwargs = _decode(handed)
    if inputs is not None:
        args = [[_decode(value) for value in inputs], *args]
    return args, kwargs
