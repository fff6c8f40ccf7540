"""Parameters that nobody passes: what a task asks for, read from its signature when it is declared."""

from __future__ import annotations

import inspect
import sys
import typing
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Generator, Iterator, Sequence
from functools import partial
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias, TypeVar, overload

from msgspec import Struct

from aioqueue.errors import ConfigurationError

if TYPE_CHECKING:
    from contextlib import _AsyncGeneratorContextManager, _GeneratorContextManager

T = TypeVar("T")
Scope: TypeAlias = Literal["job", "worker"]
Maker: TypeAlias = Callable[..., Any]

_SCOPES: Final = ("job", "worker")
_ANY_NUMBER: Final = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


class Wanted(Struct, frozen=True):
    """What `Depends(...)` leaves in a signature. Without a factory it is the annotation that names one."""

    factory: Maker | None
    scope: Scope | None
    shared: bool = True


# How to see that what a factory makes is a context manager to be entered, and whether entering it needs a loop.
Way: TypeAlias = Literal["value", "awaited", "entered", "entered on the loop"]


class Node(Struct, frozen=True, eq=False):
    """One dependency: its factory, for how long its value lives, and what the factory itself depends on.

    `key` is what the value is shared under. One that is not `replaceable` is the real one, whatever stands in for it.
    """

    factory: Maker
    scope: Scope
    way: Way
    needs: tuple[tuple[str, Node], ...]
    key: object
    replaceable: bool = True


@overload
def Depends(factory: Callable[..., AsyncGenerator[T, Any]], /, *, scope: Scope = "job") -> T: ...
@overload
def Depends(factory: Callable[..., AsyncIterator[T]], /, *, scope: Scope = "job") -> T: ...
@overload
def Depends(factory: Callable[..., Generator[T, Any, Any]], /, *, scope: Scope = "job") -> T: ...
@overload
def Depends(factory: Callable[..., _AsyncGeneratorContextManager[T]], /, *, scope: Scope = "job") -> T: ...
@overload
def Depends(factory: Callable[..., _GeneratorContextManager[T]], /, *, scope: Scope = "job") -> T: ...
@overload
def Depends(factory: Callable[..., Coroutine[Any, Any, T]], /, *, scope: Scope = "job") -> T: ...
@overload
def Depends(factory: Callable[..., Iterator[Any]], /, *, scope: Scope = "job") -> Any: ...
@overload
def Depends(factory: Callable[..., T], /, *, scope: Scope = "job") -> T: ...
@overload
def Depends(*, scope: Scope = "job") -> Any: ...
def Depends(factory: Maker | None = None, /, *, scope: Scope = "job") -> Any:  # noqa: N802 -- as the field writes it
    """Have a parameter of a task filled in by `factory()` where the task runs: callers do not pass it.

    Written as a default, `db: Db = Depends(open_db)`, or in the annotation, `db: Annotated[Db, Depends(open_db)]`.
    `factory` is a function, plain or async, a generator function that yields the value once and closes it afterwards,
    or a context manager; it may have such parameters of its own. Without one, it is the class that is the annotation.

    `scope="job"` makes one value for each run of a job, and closes it when the body has ended, in whatever way;
    `scope="worker"` makes one when it is first needed, and closes it when the worker stops.
    """
    if factory is not None and not callable(factory):
        raise TypeError(f"Depends() takes a function that makes the value, not {factory!r}")
    if scope not in _SCOPES:
        raise ValueError(f"scope= is one of {', '.join(_SCOPES)}, not {scope!r}")
    return Wanted(factory, scope)


def injected(fn: Maker) -> dict[str, Node]:
    """Return what a task's function depends on, by parameter; empty for most.

    Raises `ConfigurationError` for what could not be filled in when the task runs.
    """
    reading = _Reading(fn.__qualname__)
    found = {name: reading.node(wanted) for name, wanted in _wanted(fn, fn.__qualname__).items()}
    reading.check()
    return found


def stand_in(fake: Maker, real: Maker, scope: Scope) -> Node:
    """Return what is used instead of `real`; where `fake` itself depends on that, it is given the real one.

    Its value is shared with nothing else: another block with the same `fake` makes one of its own.
    """
    reading = _Reading(f"override({_name(real)}, {_name(fake)})", real)
    node = reading.node(Wanted(fake, scope, shared=False))
    reading.check()
    return node


def below(nodes: Sequence[Node]) -> Iterator[Node]:
    """Yield nodes and all that they depend on."""
    for node in nodes:
        yield node
        yield from below([need for _, need in node.needs])


def named(node: Node) -> str:
    """Return the name of a dependency for people."""
    return _name(node.factory)


class _Reading:
    """Reads the dependencies of one task, each factory once. `where` says whose, in errors."""

    def __init__(self, where: str, real: Maker | None = None) -> None:
        self._where = where
        self._real = real
        self._known: dict[object, Node] = {}
        self._path: list[Maker] = []

    def node(self, wanted: Wanted, scope_above: Scope = "job") -> Node:
        factory = wanted.factory
        assert factory is not None
        scope = wanted.scope or scope_above
        if factory in self._path:
            circle = " -> ".join(_name(one) for one in [*self._path[self._path.index(factory) :], factory])
            raise ConfigurationError(f"{self._where}: dependencies go round in a circle: {circle}")
        key = (factory, scope) if wanted.shared else object()
        if key not in self._known:
            self._path.append(factory)
            self._known[key] = self._read(factory, scope, key)
            self._path.pop()
        return self._known[key]

    def check(self) -> None:
        """Refuse what would live for two lengths of time at once."""
        scopes: dict[Maker, Scope] = {}
        for node in self._known.values():
            if scopes.setdefault(node.factory, node.scope) != node.scope:
                raise ConfigurationError(
                    f'{self._where}: {named(node)} is asked for with scope="job" and with scope="worker": say one'
                )

    def _read(self, factory: Maker, scope: Scope, key: object) -> Node:
        where = f"{self._where}: {_name(factory)}"
        wanted = _wanted(factory, where)
        _refuse_unfillable(factory, wanted, where)
        needs = tuple((name, self.node(one, scope)) for name, one in wanted.items())
        for _, need in needs:
            if scope == "worker" and need.scope == "job":
                raise ConfigurationError(
                    f"{where} lives as long as the worker and depends on {named(need)}, which lives as long as a job: "
                    f'write Depends({named(need)}, scope="worker")'
                )
        return Node(factory, scope, _way(factory), needs, key, replaceable=factory is not self._real)


def _wanted(fn: Maker, where: str) -> dict[str, Wanted]:
    """Return the parameters of a function that say what fills them."""
    found = ((parameter, _said(fn, parameter, where)) for parameter in _parameters(fn))
    wanted = {parameter.name: one for parameter, one in found if one is not None}
    for parameter in _parameters(fn):
        if parameter.name in wanted and parameter.kind in (parameter.POSITIONAL_ONLY, *_ANY_NUMBER):
            raise ConfigurationError(f"{where}: {parameter} cannot be filled in: it is given by name")
    return wanted


def _said(fn: Maker, parameter: inspect.Parameter, where: str) -> Wanted | None:
    hint = _hint(fn, parameter, where)
    markers = [parameter.default, *getattr(hint, "__metadata__", ())]
    ours = [marker for marker in markers if isinstance(marker, Wanted)]
    found = ours or [read for marker in markers if (read := _read_fastapi(marker, where)) is not None]
    if not found:
        return None
    with_factory = [one for one in found if one.factory is not None]
    if len(with_factory) > 1:
        raise ConfigurationError(f"{where}: {parameter.name!r} has more than one Depends(...)")
    if with_factory:
        return with_factory[0]
    made = getattr(hint, "__origin__", hint)
    if not isinstance(made, type) or made in (object, Any):
        raise ConfigurationError(f"{where}: Depends() of {parameter.name!r} takes a function, or a class as annotation")
    return Wanted(made, found[0].scope, found[0].shared)


def _read_fastapi(marker: Any, where: str) -> Wanted | None:
    """Return what FastAPI's own `Depends` says, of which only `dependency` and `use_cache` matter without a request."""
    fastapi: Any = sys.modules.get("fastapi.params")
    if fastapi is None or not isinstance(marker, fastapi.Depends):
        return None
    if isinstance(marker, fastapi.Security):
        raise ConfigurationError(f"{where}: fastapi.Security needs a request, and a task has none")
    return Wanted(marker.dependency, None, shared=marker.use_cache)


def _hint(fn: Maker, parameter: inspect.Parameter, where: str) -> Any:
    """Return an annotation as a type; one that cannot be read says nothing here, unless it says Depends."""
    said = parameter.annotation
    if isinstance(said, str):
        try:
            one = SimpleNamespace(__annotations__={parameter.name: said})
            said = typing.get_type_hints(one, _globals(fn), include_extras=True)[parameter.name]
        except Exception as error:  # noqa: BLE001 -- whatever evaluating it does
            if "Depends" in parameter.annotation:
                raise ConfigurationError(
                    f"{where}: the annotation of {parameter.name!r} cannot be read: {error}; "
                    f"what it names must be known at module level, or write {parameter.name} = Depends(...)"
                ) from None
            return None
    return getattr(said, "__value__", said)


def _globals(fn: Maker) -> dict[str, Any]:
    inner: Any = _unwrapped(fn)
    if not inspect.isroutine(inner):
        inner = getattr(inner, "__init__" if isinstance(inner, type) else "__call__")
    own: dict[str, Any] = getattr(inspect.unwrap(inner), "__globals__", {})
    return own


def _parameters(fn: Maker) -> list[inspect.Parameter]:
    try:
        return list(inspect.signature(fn).parameters.values())
    except (ValueError, TypeError):  # written in C
        return []


def _refuse_unfillable(factory: Maker, wanted: dict[str, Wanted], where: str) -> None:
    for parameter in _parameters(factory):
        is_optional = parameter.default is not parameter.empty or parameter.kind in _ANY_NUMBER
        if parameter.name not in wanted and not is_optional:
            raise ConfigurationError(
                f"{where}() asks for {parameter.name!r}, which nobody passes: give it a Depends(...) or a default"
            )


def _way(factory: Maker) -> Way:
    made = _unwrapped(factory)
    if isinstance(made, type):
        is_async, is_manager = hasattr(made, "__aenter__"), hasattr(made, "__enter__")
        return "entered on the loop" if is_async else "entered" if is_manager else "value"
    call = inspect.unwrap(made if inspect.isroutine(made) else type(made).__call__)
    if inspect.isasyncgenfunction(call):
        return "entered on the loop"
    if inspect.isgeneratorfunction(call):
        return "entered"
    return "awaited" if inspect.iscoroutinefunction(call) else "value"


def _unwrapped(factory: Any) -> Any:
    return _unwrapped(factory.func) if isinstance(factory, partial) else factory


def _name(factory: object) -> str:
    factory = _unwrapped(factory)
    return str(getattr(factory, "__qualname__", None) or repr(factory))
