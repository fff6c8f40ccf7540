"""How values become bytes: what `Queue(serializer=...)` takes. Each signs what it writes if it is given keys."""

from __future__ import annotations

import io
import sys
import typing
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, Final, Protocol

import msgspec
from msgspec import UNSET, Struct

from aioqueue.errors import ConfigurationError, TaskException
from aioqueue.outcome import Cause, Failure, RemoteError, exception_of
from aioqueue.seal import Keys

if TYPE_CHECKING:
    import pickle


class Arguments(Struct):
    """The arguments of one call, by parameter: the base of a type that is made for each task."""


class Serializer(Protocol):
    """Turns values into bytes and back."""

    name: str
    keys: Keys | None
    # Whether values are checked against annotations, and read as what these say.
    is_typed: bool

    def encode(self, value: object, /) -> bytes:
        """Return a value as bytes; raises `TypeError`, `ValueError` and kin for what cannot be written."""
        ...

    def decode(self, encoded: bytes, /) -> Any:
        """Return a value of no declared type; raises msgspec's errors."""
        ...

    def decoder(self, wanted: Any, where: str, /) -> Callable[[bytes], Any]:
        """Return what reads values of the type `wanted`, and raises msgspec's errors for others.

        Raises `ConfigurationError`, which says `where`, for a type that cannot be read.
        """
        ...


class MsgpackSerializer:
    """Values as msgpack, typed by the annotations of tasks: the default. With `keys`, signed.

    `keys` are secrets of 16 bytes or more: the first one signs, all of them verify. With them a worker runs only what
    somebody with a key has enqueued, and a caller is given only what somebody with a key has returned.
    """

    name = "msgpack"
    is_typed = True

    def __init__(self, *, keys: Sequence[str | bytes] | None = None) -> None:
        self.keys: Keys | None = None if keys is None else Keys(keys)
        self.encode: Callable[[object], bytes] = _to_msgpack.encode
        self.decode: Callable[[bytes], Any] = _from_msgpack.decode

    def __repr__(self) -> str:
        return _shown(self)

    def decoder(self, wanted: Any, where: str, /) -> Callable[[bytes], Any]:
        """Return what reads values of the type `wanted`."""
        try:
            return msgspec.msgpack.Decoder(wanted, dec_hook=_decode_foreign).decode
        except TypeError as error:
            raise ConfigurationError(f"{where}: {error}") from None


class JsonSerializer:
    """Values as JSON, typed by the annotations of tasks: for a store that people read. With `keys`, signed.

    JSON has no bytes, no NaN and no infinity, and only texts as keys of an object: bytes travel as base64, which an
    annotation turns back.
    """

    name = "json"
    is_typed = True

    def __init__(self, *, keys: Sequence[str | bytes] | None = None) -> None:
        self.keys: Keys | None = None if keys is None else Keys(keys)
        self.encode: Callable[[object], bytes] = _to_json.encode
        self.decode: Callable[[bytes], Any] = _from_json.decode

    def __repr__(self) -> str:
        return _shown(self)

    def decoder(self, wanted: Any, where: str, /) -> Callable[[bytes], Any]:
        """Return what reads values of the type `wanted`."""
        try:
            return msgspec.json.Decoder(wanted, dec_hook=_decode_foreign).decode
        except TypeError as error:
            raise ConfigurationError(f"{where}: {error}") from None


class PickleSerializer:
    """Values as pickle, always signed: for arguments that nothing else can write. Annotations are not checked.

    Reading a pickle runs what it says, so only what one of `keys` has signed is read: the first one signs, all of them
    verify, and each is a secret of 16 bytes or more. Whoever has a key can run code in every process of the queue.
    """

    name = "pickle"
    is_typed = False

    def __init__(self, *, keys: Sequence[str | bytes]) -> None:
        self.keys: Keys | None = Keys(keys)

    def __repr__(self) -> str:
        return _shown(self)

    def encode(self, value: object, /) -> bytes:
        """Return a value as pickle; raises `TypeError` for what cannot be pickled."""
        written = io.BytesIO()
        try:
            _pickler()(written, protocol=5).dump(_without_type(value) if isinstance(value, Arguments) else value)
        except Exception as error:  # noqa: BLE001 -- whatever its `__reduce__` does
            raise TypeError(str(error) or type(error).__name__) from None
        return written.getvalue()

    def decode(self, encoded: bytes, /) -> Any:
        """Return a value; it was signed, or it would not have come here."""
        import pickle  # noqa: PLC0415 -- as below

        try:
            return pickle.loads(encoded)  # noqa: S301
        except Exception as error:  # noqa: BLE001 -- whatever its `__setstate__` does
            raise msgspec.DecodeError(f"cannot be unpickled: {type(error).__name__}: {error}") from None

    def decoder(self, wanted: Any, _where: str, /) -> Callable[[bytes], Any]:
        """Return what reads values: they are of whatever type they were."""
        if isinstance(wanted, type) and issubclass(wanted, Arguments):
            return lambda encoded: wanted(**self.decode(encoded))
        return self.decode


@cache
def _pickler() -> type[pickle.Pickler]:
    import pickle  # noqa: PLC0415 -- few queues have pickles, and every worker would import it

    class Pickler(pickle.Pickler):
        def reducer_override(self, value: Any) -> Any:
            """Let what befell a job be unpickled as the exception that an error callback is called with."""
            if isinstance(value, RemoteError):
                return exception_of, (value.job_id, value.failure)
            return NotImplemented

    return Pickler


def checked(serializer: object) -> Serializer:
    """Return a serializer, msgpack for None; `TypeError` for what is none."""
    if serializer is None:
        return PLAIN
    if not isinstance(serializer, MsgpackSerializer | JsonSerializer | PickleSerializer):
        raise TypeError(
            "serializer= takes MsgpackSerializer(...), JsonSerializer(...) or PickleSerializer(keys=[...]), "
            f"not {type(serializer).__name__}"
        )
    return serializer


def _shown(serializer: Serializer) -> str:
    return f"<{type(serializer).__name__}{' signed' if serializer.keys else ''}>"


def _without_type(arguments: Arguments) -> dict[str, Any]:
    """Return arguments by parameter: the type that holds them is made anew in every process, and cannot be pickled."""
    fields = ((name, getattr(arguments, name)) for name in arguments.__struct_fields__)
    return {name: value for name, value in fields if value is not UNSET}


def _encode_foreign(value: Any) -> Any:
    """Turn what msgspec does not know into what it knows: pydantic models and paths."""
    pydantic = sys.modules.get("pydantic")
    if pydantic is not None and isinstance(value, pydantic.BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, PurePath):
        return str(value)
    if isinstance(value, TaskException):
        return RemoteError(value.job_id, Failure(Cause.ERROR, value.error, value.traceback, value.retries))
    raise TypeError(f"objects of type `{type(value).__qualname__}` cannot be stored")


def _decode_foreign(wanted: Any, value: Any) -> Any:
    origin = typing.get_origin(wanted) or wanted
    pydantic = sys.modules.get("pydantic")
    if pydantic is not None and isinstance(origin, type) and issubclass(origin, pydantic.BaseModel):
        return origin.model_validate(value)  # type: ignore[attr-defined]
    if isinstance(origin, type) and issubclass(origin, PurePath):
        return origin(value)
    if isinstance(origin, type) and issubclass(origin, TaskException):
        remote = msgspec.convert(value, RemoteError)
        return exception_of(remote.job_id, remote.failure)
    if isinstance(origin, type) and isinstance(value, origin):
        return value
    raise TypeError(f"Expected `{getattr(origin, '__name__', origin)}`, got `{type(value).__name__}`")


_to_msgpack: Final = msgspec.msgpack.Encoder(enc_hook=_encode_foreign)
_from_msgpack: Final = msgspec.msgpack.Decoder()
_to_json: Final = msgspec.json.Encoder(enc_hook=_encode_foreign)
_from_json: Final = msgspec.json.Decoder()
PLAIN: Final = MsgpackSerializer()
