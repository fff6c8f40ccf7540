"""Arguments and return values to bytes and back."""

from __future__ import annotations

import dataclasses
import datetime as dt
import enum
import math
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple, TypedDict

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, field_validator

from aioqueue.errors import ConfigurationError, PayloadTooLarge, SerializationError
from aioqueue.serializer import Parameters, return_value

if TYPE_CHECKING:
    from somewhere import Missing


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


class Flags(enum.IntFlag):
    A = 1
    B = 2


class RGB(enum.Enum):
    RED = (255, 0, 0)


@dataclasses.dataclass
class Point:
    x: int
    y: float = 0.0


@dataclasses.dataclass(frozen=True, slots=True)
class Line:
    points: tuple[Point, ...]
    colour: Colour | None = None


class Order(msgspec.Struct):
    id: uuid.UUID
    lines: list[Line] = []
    total: Decimal = Decimal(0)


class Tagged(msgspec.Struct, tag=True):
    n: int


class OtherTagged(msgspec.Struct, tag=True):
    n: int


class Pair(NamedTuple):
    left: int
    right: str


class Settings(TypedDict):
    name: str
    size: int


class Address(BaseModel):
    street: str
    since: dt.datetime | None = None


class Customer(BaseModel):
    addresses: list[Address]
    home: Path = Path("/")

    @field_validator("addresses")
    @classmethod
    def _has_some(cls, addresses: list[Address]) -> list[Address]:
        if not addresses:
            raise ValueError("a customer lives somewhere")
        return addresses


def call(fn: Callable[..., Any], /, *args: object, **kwargs: object) -> Any:
    """Call `fn` with what arrives of these arguments at the other side."""
    parameters = Parameters("task", fn)
    positional, keywords = Parameters("task", fn).decode(parameters.encode(args, kwargs))
    return fn(*positional, **keywords)


def encode(fn: Callable[..., Any], /, *args: object, **kwargs: object) -> bytes:
    return Parameters("task", fn).encode(args, kwargs)


def through(annotation: object, value: object) -> Any:
    """Send `value` through a parameter and a return value of that type, and demand that both agree."""

    def identity(value: Any) -> Any:
        return value

    identity.__annotations__ = {"value": annotation, "return": annotation}
    arrived = call(identity, value)
    returned = return_value("task", identity).decode(return_value("task", identity).encode(arrived))
    assert returned == arrived or (returned != returned and arrived != arrived)
    assert type(returned) is type(arrived)
    return arrived


UTC_NOON = dt.datetime(2024, 2, 29, 12, 30, 15, 123456, tzinfo=dt.UTC)
UUID = uuid.UUID("0190b7d0-0000-7000-8000-000000000001")

KEPT = [
    (int, 2**63),
    (int, -(2**63)),
    (float, math.inf),
    (bool, True),
    (str, "naïve ☃ \x00"),
    (bytes, bytes(range(256))),
    (bytearray, bytearray(b"ab")),
    (type(None), None),
    (dt.datetime, UTC_NOON),
    (dt.datetime, UTC_NOON.replace(tzinfo=None)),
    (dt.datetime, dt.datetime.min),  # noqa: DTZ901
    (dt.datetime, dt.datetime.max),  # noqa: DTZ901
    (dt.date, UTC_NOON.date()),
    (dt.time, UTC_NOON.time()),
    (dt.timedelta, dt.timedelta(days=-1, microseconds=1)),
    (uuid.UUID, UUID),
    (Decimal, Decimal("0.10")),
    (Decimal, Decimal("1E+400")),
    (Colour, Colour.BLUE),
    (Level, Level.HIGH),
    (Flags, Flags.A | Flags.B),
    (Literal["a", 1], "a"),
    (tuple, (1, "a")),
    (tuple[int, str], (1, "a")),
    (tuple[int, ...], (1, 2, 3)),
    (set[str], {"a", "b"}),
    (frozenset[int], frozenset({1, 2})),
    (set[tuple[int, Colour]], {(1, Colour.RED)}),
    (dict[int, str], {1: "a"}),
    (dict[uuid.UUID, list[Decimal]], {UUID: [Decimal("1.5")]}),
    (dict[tuple[int, int], str], {(1, 2): "a"}),
    (dict[dt.date, int], {UTC_NOON.date(): 1}),
    (list[Point | None], [Point(1, 2.5), None]),
    (Line, Line((Point(1), Point(2)), Colour.RED)),
    (Order, Order(UUID, [Line(())], Decimal("9.99"))),
    (Tagged | OtherTagged, OtherTagged(3)),
    (Pair, Pair(1, "a")),
    (Settings, Settings(name="a", size=1)),
    (Address, Address(street="Elm", since=UTC_NOON)),
    (Customer, Customer(addresses=[Address(street="Elm")], home=Path("/home"))),
    (list[Customer], [Customer(addresses=[Address(street="Elm")])]),
    (dict[str, Customer | None], {"a": None}),
    (Path, Path("a/b")),
    (PurePosixPath, PurePosixPath("/a")),
    (Path | None, Path("a")),
    (Path | None, None),
    (list[Path], [Path("a")]),
    (int | str | None, "a"),
    (int | list[int], [1]),
    (Decimal | float, Decimal("1.5")),
    (Point | int, Point(1)),
    (Sequence[int], [1, 2]),
    (Iterable[int], [1, 2]),
    (Mapping[str, int], {"a": 1}),
    (Annotated[int, msgspec.Meta(ge=0)], 5),
    (Any, {"a": [1, None, 2.5, b"x", {"b": True}]}),
    (object, [1, "a"]),
]


@pytest.mark.parametrize(("annotation", "value"), KEPT)
def test_a_value_of_a_declared_type_arrives_as_it_was(annotation: object, value: object) -> None:
    arrived = through(annotation, value)
    assert arrived == value
    assert type(arrived) is type(value)


def test_an_aware_datetime_arrives_as_the_same_instant() -> None:
    tokyo = UTC_NOON.astimezone(dt.timezone(dt.timedelta(hours=9)))
    assert through(dt.datetime, tokyo) == tokyo


def test_without_annotation_msgpacks_own_types_arrive() -> None:
    def fn(value):  # type: ignore[no-untyped-def]
        return value

    assert call(fn, {"a": (1, 2), 3: b"x", "when": UTC_NOON}) == {"a": [1, 2], 3: b"x", "when": UTC_NOON}
    assert call(fn, UUID) == str(UUID)


@pytest.mark.parametrize(
    ("annotation", "value"),
    [
        (bytes | str, b"a"),
        (Point | Line, Point(1)),
        (set[int] | list[int], {1}),
        (RGB, RGB.RED),
    ],
    ids=str,
)
def test_a_type_that_cannot_travel_is_refused_with_the_reason(annotation: object, value: object) -> None:
    def fn(value: Any) -> None: ...

    fn.__annotations__["value"] = annotation
    with pytest.raises(ConfigurationError, match="task"):
        encode(fn, value)


# ---------------------------------------------------------------- round trips
plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False)
    | st.text()
    | st.binary()
    | st.datetimes(timezones=st.just(dt.UTC)),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text() | st.integers(-(2**63), 2**64 - 1), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(plain)
def test_any_plain_value_survives_without_a_type(value: object) -> None:
    assert through(Any, value) == value


def _leaves() -> list[st.SearchStrategy[tuple[Any, Any]]]:
    def of(annotation: object, values: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[Any, Any]]:
        return values.map(lambda value: (annotation, value))

    return [
        of(int, st.integers(-(2**63), 2**64 - 1)),
        of(float, st.floats(allow_nan=False)),
        of(bool, st.booleans()),
        of(str, st.text()),
        of(bytes, st.binary()),
        of(dt.datetime, st.datetimes() | st.datetimes(timezones=st.just(dt.UTC))),
        of(dt.date, st.dates()),
        of(dt.time, st.times()),
        of(dt.timedelta, st.timedeltas(dt.timedelta(days=-9999), dt.timedelta(days=9999))),
        of(uuid.UUID, st.uuids()),
        of(Decimal, st.decimals(allow_nan=False)),
        of(Colour, st.sampled_from(Colour)),
        of(Level, st.sampled_from(Level)),
        of(Point, st.builds(Point, st.integers(-(2**63), 2**63), st.floats(allow_nan=False))),
        of(Pair, st.builds(Pair, st.integers(-9, 9), st.text())),
        of(Address, st.builds(Address, street=st.text())),
        of(PurePosixPath, st.just(PurePosixPath("a/b"))),
    ]


def _containers(inner: st.SearchStrategy[tuple[Any, Any]]) -> st.SearchStrategy[tuple[Any, Any]]:
    return st.one_of(
        inner.map(lambda typed: (typed[0] | None, typed[1])),
        inner.map(lambda typed: (typed[0] | None, None)),
        inner.map(lambda typed: (list[typed[0]], [typed[1], typed[1]])),  # type: ignore[name-defined]
        inner.map(lambda typed: (dict[str, typed[0]], {"k": typed[1]})),  # type: ignore[name-defined]
        inner.map(lambda typed: (tuple[typed[0], int], (typed[1], 7))),  # type: ignore[name-defined]
    )


@given(st.recursive(st.one_of(_leaves()), _containers, max_leaves=4))
def test_any_typed_value_survives(typed: tuple[Any, Any]) -> None:
    annotation, value = typed
    assert through(annotation, value) == value


@given(st.binary(max_size=40))
def test_bytes_from_anywhere_never_raise_anything_else(encoded: bytes) -> None:
    def fn(a: int, b: Line | None = None, *rest: Address) -> Order: ...

    for decode in (Parameters("task", fn).decode, return_value("task", fn).decode):
        try:
            decode(encoded)
        except SerializationError as error:
            assert "task" in str(error)


# ---------------------------------------------------------------- signatures
def test_every_kind_of_parameter() -> None:
    def fn(a: int, /, b: int, c: int = 3, *rest: Decimal, d: Colour, e: int = 5, **more: Point) -> Any:
        return a, b, c, rest, d, e, more

    assert call(fn, 1, 2, d=Colour.RED) == (1, 2, 3, (), Colour.RED, 5, {})
    assert call(fn, 1, b=2, d=Colour.RED, e=6) == (1, 2, 3, (), Colour.RED, 6, {})
    assert call(fn, 1, 2, 4, Decimal(5), d=Colour.RED, z=Point(1)) == (
        1,
        2,
        4,
        (Decimal(5),),
        Colour.RED,
        5,
        {"z": Point(1)},
    )


def test_a_keyword_may_have_the_name_of_a_positional_only_parameter() -> None:
    def fn(a: int, /, **more: int) -> Any:
        return a, more

    assert call(fn, 1, a=2) == (1, {"a": 2})


@pytest.mark.parametrize("name", ["self", "cls", "args", "kwargs", "name", "fn", "tag", "rename", "_a", "id", "type"])
def test_a_parameter_may_have_any_name(name: str) -> None:
    scope: dict[str, Any] = {}
    exec(f"def fn({name}, *, other=1): return {name}, other", scope)
    assert call(scope["fn"], 1) == (1, 1)
    assert call(scope["fn"], **{name: 2}, other=3) == (2, 3)


def test_no_parameters() -> None:
    assert call(lambda: "ran") == "ran"


def test_a_default_is_taken_where_the_function_runs() -> None:
    def old(a: int, b: int = 1) -> Any:
        return a, b

    def new(a: int, b: int = 2, c: int = 3) -> Any:
        return a, b, c

    positional, keywords = Parameters("task", new).decode(Parameters("task", old).encode((1,), {}))
    assert new(*positional, **keywords) == (1, 2, 3)


def test_a_mutable_default_is_neither_stored_nor_copied() -> None:
    seen: list[int] = []

    def fn(a: int, into: list[int] = seen) -> list[int]:
        into.append(a)
        return into

    assert call(fn, 1) is seen
    assert call(fn, 2) is seen
    assert seen == [1, 2]


def test_a_default_that_cannot_be_stored_is_no_obstacle() -> None:
    marker = object()

    def fn(a: int = 1, b: Any = marker) -> Any:
        return a, b

    assert call(fn, 2) == (2, marker)


def test_none_is_not_the_default() -> None:
    def fn(a: int | None = 5) -> int | None:
        return a

    assert call(fn, None) is None
    assert call(fn) == 5


def test_a_supplied_parameter_is_no_part_of_the_call() -> None:
    def fn(job: object, a: int) -> None: ...

    parameters = Parameters("task", fn, supplied=1)
    assert parameters.decode(parameters.encode((1,), {})) == ([], {"a": 1})
    with pytest.raises(TypeError, match="job"):
        parameters.encode((1,), {"job": 2})


def refers_forward(a: Forward, b: list[Forward]) -> Forward:
    return b[0] if b else a


class Forward(msgspec.Struct):
    n: int


def test_forward_references_are_resolved_when_needed() -> None:
    assert call(refers_forward, Forward(1), [Forward(2)]) == Forward(2)


def refers_nowhere(a: Missing) -> None: ...


def test_a_name_that_cannot_be_resolved_is_named() -> None:
    with pytest.raises(ConfigurationError, match="Missing"):
        encode(refers_nowhere, 1)


def test_a_mutated_argument_does_not_change_the_job() -> None:
    def fn(a: list[int]) -> list[int]:
        return a

    mine = [1]
    encoded = encode(fn, mine)
    mine.append(2)
    assert Parameters("task", fn).decode(encoded) == ([], {"a": [1]})


# ---------------------------------------------------------------- refusals
def refused(
    n: int,
    point: Point | None = None,
    customer: Customer | None = None,
    *,
    small: Annotated[int, msgspec.Meta(le=9)] = 0,
    deep: dict[str, list[int]] | None = None,
    path: Path | None = None,
) -> None: ...


@pytest.mark.parametrize(
    ("args", "kwargs", "named"),
    [
        ((), {}, "'n'"),
        ((1, None, None, 4), {}, "positional"),
        ((1,), {"n": 2}, "'n'"),
        ((1,), {"nonsense": 2}, "'nonsense'"),
        (("1",), {}, "'n'"),
        ((None,), {}, "'n'"),
        ((True,), {}, "'n'"),
        ((1.5,), {}, "'n'"),
        ((1, {"x": "no"}), {}, r"'point'.*point\.x"),
        ((1, {"y": 1.0}), {}, "'point'.*`x`"),
        ((1, None, {"addresses": []}), {}, "(?s)'customer'.*lives somewhere"),
        ((1,), {"small": 10}, "'small'"),
        ((1,), {"deep": {"a": [1, "b"]}}, "'deep'"),
        ((1,), {"path": 3}, "'path'"),
    ],
)
def test_wrong_arguments_are_a_type_error_that_names_the_parameter(
    args: tuple[object, ...], kwargs: dict[str, object], named: str
) -> None:
    with pytest.raises(TypeError, match=named) as caught:
        encode(refused, *args, **kwargs)
    assert "task" in str(caught.value)


@pytest.mark.parametrize(
    "value",
    [object(), lambda: 1, 2**64, "\ud800", 1j, [[{1: object()}]], open, range(3)],
    ids=lambda value: type(value).__name__,
)
def test_a_value_that_cannot_be_stored_is_named(value: object) -> None:
    def fn(fine: Any, broken: Any = None) -> None: ...

    with pytest.raises(SerializationError, match="'broken'"):
        encode(fn, 1, broken=value)
    with pytest.raises(SerializationError, match="task"):
        return_value("task", fn).encode(value)


def test_a_value_inside_itself_is_refused() -> None:
    def fn(a: Any) -> None: ...

    endless: list[Any] = []
    endless.append(endless)
    with pytest.raises(SerializationError, match="'a'"):
        encode(fn, endless)


def test_rest_arguments_that_cannot_be_stored_are_named() -> None:
    def fn(*rest: Any, **more: Any) -> None: ...

    with pytest.raises(SerializationError, match="'rest'"):
        encode(fn, 1, object())
    with pytest.raises(SerializationError, match="'more'"):
        encode(fn, a=object())


def test_the_largest_argument_is_named() -> None:
    def fn(small: bytes, large: bytes, *rest: int, **more: int) -> bytes: ...

    parameters = Parameters("task", fn, max_payload=100)
    parameters.encode((b"", b"x" * 60), {})
    with pytest.raises(PayloadTooLarge, match=r"'large'.*100"):
        parameters.encode((b"xxxxxx", b"x" * 200), {})
    with pytest.raises(PayloadTooLarge, match=r"return value.*100"):
        return_value("task", fn, max_payload=100).encode(b"x" * 200)


def test_a_value_of_another_type_than_declared_is_the_readers_error() -> None:
    def fn() -> int: ...

    returns = return_value("task", fn)
    with pytest.raises(SerializationError, match=r"task.*[eE]xpected `int`"):
        returns.decode(returns.encode("one"))


def test_subclasses_of_plain_types() -> None:
    class Text(str):
        __slots__ = ()

    class Number(int): ...

    def fn(text: str = "", number: int = 0) -> Any:
        return text, number

    for kwargs in ({"text": Text("a")}, {"number": Number(3)}):
        try:
            arrived = call(fn, **kwargs)
        except SerializationError as error:
            assert next(iter(kwargs)) in str(error)
        else:
            assert arrived == (kwargs.get("text", ""), kwargs.get("number", 0))
