"""Values to bytes and back, typed by a function's annotations."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from typing import Any, Final, NoReturn

import msgspec
from msgspec import UNSET, Struct, UnsetType

from aioqueue.errors import ConfigurationError, PayloadTooLarge, SerializationError
from aioqueue.seal import is_sealed
from aioqueue.serializers import PLAIN, Arguments, Serializer

MAX_PAYLOAD: Final = 16 * 1024 * 1024
_UNENCODABLE: Final = (TypeError, ValueError, OverflowError, RecursionError, msgspec.MsgspecError)
_WHERE: Final = "Queue(serializer=...)"
_POSITIONAL = inspect.Parameter.POSITIONAL_OR_KEYWORD
_KEYWORD = inspect.Parameter.KEYWORD_ONLY


class _NotYetDefined(ConfigurationError):  # noqa: N818 -- a finding, handled here
    """An annotation names what its module does not define, or not yet."""


class Parameters:
    """The parameters of a task as the caller sees them: binds, checks, encodes and decodes one call's arguments.

    `supplied` leading parameters are given by the worker and are no part of the call. Only what the caller said is
    stored: defaults are applied where the function runs. No keyword may be called as one of `filled`, the parameters
    that are filled in where the function runs, even where it takes any.
    """

    def __init__(
        self,
        name: str,
        fn: Callable[..., Any],
        supplied: int = 0,
        max_payload: int = MAX_PAYLOAD,
        serializer: Serializer = PLAIN,
        *,
        filled: Collection[str] = (),
    ) -> None:
        self._name = name
        self._fn = fn
        self._filled = frozenset(filled)
        self._max_payload = max_payload
        self._serializer = serializer
        parameters = list(inspect.signature(fn).parameters.values())[supplied:]
        self._signature = inspect.Signature(parameters)
        self._plain = all(p.kind in (_POSITIONAL, _KEYWORD) for p in parameters)

    @property
    def names(self) -> Sequence[str]:
        """The parameters of a call, in order."""
        return tuple(self._signature.parameters)

    def check(self) -> None:
        """Raise `ConfigurationError` for types that cannot be stored; names that are not defined yet are left."""
        with suppress(_NotYetDefined):
            self._decode  # noqa: B018 -- making it is the check

    def encode(self, args: tuple[object, ...], kwargs: Mapping[str, object]) -> bytes:
        """Return the arguments of one call as bytes that `decode` is known to accept.

        Raises `TypeError` for arguments that do not fit, `SerializationError` or `PayloadTooLarge` for values that
        cannot be stored; each names the parameter.
        """
        arguments = self._bind(args, kwargs)
        try:
            encoded = self._serializer.encode(arguments)
        except _UNENCODABLE:
            self._refuse_unencodable(arguments)
        if len(encoded) > self._max_payload:
            self._refuse_large(arguments, len(encoded))
        try:
            self._decode(encoded)
        except msgspec.ValidationError as error:
            raise TypeError(f"{self._name}() {_name_parameter(str(error))}") from None
        except msgspec.DecodeError as error:
            raise SerializationError(f"{self._name}(): the arguments cannot be read again: {error}") from None
        return encoded

    def hand(self, leading: int | None, args: tuple[object, ...], kwargs: dict[str, Any]) -> bytes:
        """Return arguments as bytes that wait for `leading` values (None: any number) to go before them.

        Raises `TypeError` for what cannot fit, whatever those values are, and `SerializationError`.
        """
        try:
            if leading is None:
                self._signature.bind_partial(**kwargs)
            else:
                self._signature.bind(*(None,) * leading, *args, **kwargs)
            self._refuse_filled(kwargs)
        except TypeError as error:
            raise TypeError(f"{self._name}() {error}") from None
        label = f"an argument of the stage {self._name}()"
        return any_value(label, self._max_payload, self._serializer).encode([args, kwargs])

    def decode(self, encoded: bytes) -> tuple[list[Any], dict[str, Any]]:
        """Return the positional and keyword arguments to call the function with; raises `SerializationError`."""
        said = self.by_name(encoded)
        return ([], said) if self._plain else self._spread(said)

    def by_name(self, encoded: bytes) -> dict[str, Any]:
        """Return what the caller said, by parameter; raises `SerializationError`."""
        try:
            values = self._decode(encoded)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise SerializationError(f"{self._name}() {_name_parameter(str(error))}") from None
        return {name: value for name in self._struct.__struct_fields__ if (value := getattr(values, name)) is not UNSET}

    def with_defaults(self, args: tuple[object, ...], kwargs: Mapping[str, object]) -> dict[str, Any]:
        """Return what the function is given in such a call, by parameter; raises `TypeError` for what does not fit."""
        bound = self._signature.bind(*args, **kwargs)
        bound.apply_defaults()
        return bound.arguments

    def _spread(self, said: dict[str, Any]) -> tuple[list[Any], dict[str, Any]]:
        bound = inspect.BoundArguments(self._signature, said)
        try:
            self._refuse_filled(bound.kwargs)
        except TypeError as error:
            raise SerializationError(f"{self._name}() {error}") from None
        return list(bound.args), dict(bound.kwargs)

    def _refuse_filled(self, keywords: Mapping[str, object]) -> None:
        for name in self._filled:
            if name in keywords:
                raise TypeError(f"got an unexpected keyword argument {name!r}")

    def _bind(self, args: tuple[object, ...], kwargs: Mapping[str, object]) -> Struct:
        if not self._plain:
            return self._struct(**self._bind_slowly(args, kwargs))
        try:
            return self._struct(*args, **kwargs)
        except TypeError:
            self._bind_slowly(args, kwargs)
            raise

    def _bind_slowly(self, args: tuple[object, ...], kwargs: Mapping[str, object]) -> dict[str, Any]:
        try:
            self._refuse_filled(kwargs)
            return dict(self._signature.bind(*args, **kwargs).arguments)
        except TypeError as error:
            raise TypeError(f"{self._name}() {error}") from None

    @cached_property
    def _struct(self) -> type[Arguments]:
        hints = _hints(self._name, self._fn, self._serializer)
        positional = [_field(p, hints) for p in self._signature.parameters.values() if p.kind is not _KEYWORD]
        keyword = [_field(p, hints) for p in self._signature.parameters.values() if p.kind is _KEYWORD]
        base = _struct_of(positional, Arguments, kw_only=not self._plain)
        return _struct_of(keyword, base, kw_only=True) if keyword else base

    @cached_property
    def _decode(self) -> Callable[[bytes], Any]:
        return self._serializer.decoder(self._struct, f"the parameters of task {self._name}")

    def _refuse_unencodable(self, arguments: Struct) -> NoReturn:
        for name in self._struct.__struct_fields__:
            try:
                self._serializer.encode(getattr(arguments, name) if getattr(arguments, name) is not UNSET else None)
            except _UNENCODABLE as error:
                raise SerializationError(f"{self._name}() argument {name!r} cannot be stored: {error}") from None
        raise SerializationError(f"{self._name}(): the arguments cannot be stored")

    def _refuse_large(self, arguments: Struct, size: int) -> NoReturn:
        said = [name for name in self._struct.__struct_fields__ if getattr(arguments, name) is not UNSET]
        largest = max(said, key=lambda name: len(self._serializer.encode(getattr(arguments, name))))
        raise PayloadTooLarge(
            f"{self._name}() argument {largest!r} is too large: the call takes {size:,} bytes, "
            f"{self._max_payload:,} are allowed (Queue(max_payload=...))"
        )


class Value:
    """One value of a declared type. `label` says whose, in errors; `declared` is asked for the type when first used."""

    def __init__(
        self,
        label: str,
        declared: Callable[[], Any],
        max_payload: int = MAX_PAYLOAD,
        serializer: Serializer = PLAIN,
    ) -> None:
        self.serializer = serializer
        self._label = label
        self._declared = declared
        self._max_payload = max_payload

    def check(self) -> None:
        """Raise `ConfigurationError` for a type that cannot be stored; a name that is not defined yet is left."""
        with suppress(_NotYetDefined):
            self._decode  # noqa: B018 -- making it is the check

    def encode(self, value: object) -> bytes:
        """Return `value` as bytes; raises `SerializationError` or `PayloadTooLarge`."""
        try:
            encoded = self.serializer.encode(value)
        except _UNENCODABLE as error:
            raise SerializationError(f"{self._label} cannot be stored: {error}") from None
        if len(encoded) > self._max_payload:
            raise PayloadTooLarge(
                f"{self._label} is too large: {len(encoded):,} bytes, "
                f"{self._max_payload:,} are allowed (Queue(max_payload=...))"
            )
        return encoded

    def encode_checked(self, value: object) -> bytes:
        """Return `value` as bytes that `decode` is known to accept; raises as both of them do."""
        encoded = self.encode(value)
        self.decode(encoded)
        return encoded

    def decode(self, encoded: bytes) -> Any:
        """Return the value as the declared type; raises `SerializationError` where it is of another."""
        try:
            return self._decode(encoded)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            if is_sealed(encoded):
                raise SerializationError(f"{self._label} is signed, and this queue has no keys: {_WHERE}") from None
            raise SerializationError(f"{self._label} is not of the type declared: {error}") from None

    @cached_property
    def is_nothing(self) -> bool:
        """Whether the value is declared as None."""
        return self._declared() in (None, type(None))

    @cached_property
    def _decode(self) -> Callable[[bytes], Any]:
        return self.serializer.decoder(self._declared(), self._label)


def return_value(
    name: str, fn: Callable[..., Any], max_payload: int = MAX_PAYLOAD, serializer: Serializer = PLAIN
) -> Value:
    """Return the return value of a task's function, typed by its annotation."""
    label = f"the return value of {name}()"
    return Value(label, lambda: _hints(name, fn, serializer).get("return", Any), max_payload, serializer)


def any_value(label: str, max_payload: int = MAX_PAYLOAD, serializer: Serializer = PLAIN) -> Value:
    """Return a value that comes back as the serializer has it."""
    return Value(label, lambda: Any, max_payload, serializer)


def _struct_of(fields: list[Any], base: type[Arguments], *, kw_only: bool) -> type[Arguments]:
    made: type[Any] = msgspec.defstruct("Arguments", fields, bases=(base,), kw_only=kw_only, forbid_unknown_fields=True)
    return made


def _hints(name: str, fn: Callable[..., Any], serializer: Serializer) -> dict[str, Any]:
    try:
        return typing.get_type_hints(fn, include_extras=True)
    except NameError as error:
        if not serializer.is_typed:
            return {}
        raise _NotYetDefined(
            f"task {name}: an annotation cannot be resolved: {error}; import it at module level, outside TYPE_CHECKING"
        ) from None


def _field(parameter: inspect.Parameter, hints: Mapping[str, Any]) -> tuple[str, Any] | tuple[str, Any, Any]:
    declared = hints.get(parameter.name, Any)
    if parameter.kind is inspect.Parameter.VAR_POSITIONAL:
        return parameter.name, list[declared] | UnsetType, UNSET  # type: ignore[valid-type]
    if parameter.kind is inspect.Parameter.VAR_KEYWORD:
        return parameter.name, dict[str, declared] | UnsetType, UNSET  # type: ignore[valid-type]
    if parameter.default is inspect.Parameter.empty:
        return parameter.name, declared
    return parameter.name, Any if declared is Any else typing.Union[declared, UnsetType], UNSET  # noqa: UP007


def _name_parameter(complaint: str) -> str:
    """Turn msgspec's "… - at `$.a[0]`" into a sentence that starts with the parameter."""
    what, found, where = complaint.partition(" - at `$.")
    if not found:
        return complaint[:1].lower() + complaint[1:]
    path = where.rstrip("`")
    name = path.split("[")[0].split(".")[0]
    inside = f" (at {path})" if path != name else ""
    return f"argument {name!r}: {what[:1].lower()}{what[1:]}{inside}"
