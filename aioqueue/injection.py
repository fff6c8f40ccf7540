"""Filling in what a task depends on, around its body; and standing in for it in tests."""

from __future__ import annotations

import inspect
from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterator, Mapping
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    AsyncExitStack,
    ExitStack,
    asynccontextmanager,
    contextmanager,
)
from functools import partial, wraps
from typing import Any, Final, TypeAlias, cast

from msgspec.structs import replace

from aioqueue.dependencies import Maker, Node, Scope, below, injected, named, stand_in
from aioqueue.errors import ConfigurationError
from aioqueue.given import Given
from aioqueue.lasting import Lasting, worker_values
from aioqueue.onevalue import OneValue, OneValueAsync
from aioqueue.resources import Enter

_MARK: Final = "__aioqueue_dependencies__"

# What stands in, by the factory that it stands for and the scope that this is asked for with.
Fakes: TypeAlias = dict[tuple[Maker, Scope], Node]


class Overrides:
    """What stands in for what, for the tests of one queue's tasks."""

    def __init__(self) -> None:
        self._known: dict[Maker, set[Scope]] = {}
        self._blocks: list[Fakes] = []  # of those that overlap the last counts
        self._fakes: Fakes = {}  # of all blocks

    def note(self, nodes: Mapping[str, Node]) -> None:
        """Note what a task depends on."""
        for node in below(list(nodes.values())):
            self._known.setdefault(node.factory, set()).add(node.scope)

    def has_fake(self, node: Node) -> bool:
        """Tell whether something stands in for this very dependency now."""
        return _instead_of(node, self._fakes) is not node

    def resolved(self, nodes: Mapping[str, Node]) -> Mapping[str, Node]:
        """Return what is to be used for dependencies now, and for all that they depend on in turn.

        What is made of a stand-in is not shared with what is made of the real one: it has a key of its own.
        """
        fakes = self._fakes
        return {name: _resolved(node, fakes) for name, node in nodes.items()} if fakes else nodes

    @contextmanager
    def override(self, factory: Maker, fake: Maker) -> Iterator[None]:
        """Let `fake` stand in for `factory` for the length of a block, in every task of the queue."""
        block: Fakes = {(factory, scope): stand_in(fake, factory, scope) for scope in self._known[factory]}
        together = {**self._fakes, **block}
        for node in block.values():
            _resolved(node, together)
        self._blocks.append(block)
        self._fakes = together
        try:
            yield
        finally:
            self._blocks = [other for other in self._blocks if other is not block]
            self._fakes = {real: node for block in self._blocks for real, node in block.items()}

    def check(self, factory: object, fake: object) -> None:
        """Raise for what cannot stand in: `TypeError`, or `ConfigurationError` where nothing asks for `factory`."""
        if not callable(fake):
            raise TypeError(f"override() takes a function that makes the value: lambda: ..., not {fake!r}")
        if not callable(factory) or factory not in self._known:
            raise ConfigurationError(f"override(): no task of this queue depends on {factory!r}")


def _instead_of(node: Node, fakes: Fakes) -> Node:
    return fakes.get((node.factory, node.scope), node) if node.replaceable else node


def _resolved(asked: Node, fakes: Fakes, above: tuple[Node, ...] = ()) -> Node:
    node = _instead_of(asked, fakes)
    path = (*above, node)
    if node in above:
        circle = " -> ".join(named(one) for one in path[path.index(node) :])
        raise ConfigurationError(f"override(): dependencies go round in a circle: {circle}")
    needs = tuple((name, _resolved(need, fakes, path)) for name, need in node.needs)
    if needs == node.needs:
        return node
    return replace(node, needs=needs, key=(node.key, *(need.key for _, need in needs)))


def filled_in(fn: Maker, overrides: Overrides, enter: Enter, *, within_first: int, worker_first: int) -> Maker:
    """Return `fn` with the parameters filled in that have a `Depends(...)`; `fn` itself if there is none.

    Around a coroutine function all is opened on the loop. Around a plain one each thing is opened where that runs, an
    async one by `enter`. All is closed when the body has ended, in whatever way, the last thing first: each is told of
    the error, none can make it undone, and what one raises meanwhile is the job's error. What the caller gives is not
    opened; a call that does not fit raises its `TypeError` before anything is. The first parameters may be given
    otherwise: `within_first` of them inside `fn`, then `worker_first` by the worker.
    """
    nodes = injected(fn)
    if not nodes:
        return fn
    _refuse_first(fn, nodes, within_first + worker_first)
    overrides.note(nodes)
    given = Given(fn, nodes, within_first=within_first, worker_first=worker_first)
    if inspect.iscoroutinefunction(fn):
        wrapped = _filled_in_on_loop(fn, given, nodes, overrides)
    else:
        wrapped = _filled_in_here(fn, given, nodes, overrides, enter)
    parameters = [one for one in inspect.signature(fn).parameters.values() if one.name not in nodes]
    setattr(wrapped, "__signature__", inspect.signature(fn).replace(parameters=parameters))  # noqa: B010
    wrapped.__annotations__ = {name: said for name, said in fn.__annotations__.items() if name not in nodes}
    setattr(wrapped, _MARK, (nodes, overrides))
    return wrapped


def _refuse_first(fn: Maker, nodes: Mapping[str, Node], given: int) -> None:
    for name in list(inspect.signature(fn).parameters)[:given]:
        if name in nodes:
            raise ConfigurationError(f"{fn.__qualname__}: {name!r} comes first, where the worker gives something else")


def refuse_in_process(fn: Maker) -> None:
    """Raise `ConfigurationError` for what depends on a value of the worker: a process has none of that."""
    nodes, _ = getattr(fn, _MARK, ({}, None))
    for node in below(list(nodes.values())):
        if node.scope == "worker":
            raise ConfigurationError(
                f'{fn.__qualname__} runs in a process of its own, and {named(node)} with scope="worker" is not there'
            )


def refuse_fakes_in_process(fn: Maker) -> None:
    """Raise `ConfigurationError` if something stands in for what `fn` depends on: a process would use the real one."""
    nodes, overrides = getattr(fn, _MARK, ({}, Overrides()))
    for node in below(list(nodes.values())):
        if overrides.has_fake(node):
            raise ConfigurationError(
                f"override({named(node)}) does not reach the process of {fn.__qualname__}: test it with call_local()"
            )


def filled_names(fn: Maker) -> frozenset[str]:
    """Return the parameters of a task's function that are filled in."""
    nodes, _ = getattr(fn, _MARK, ({}, None))
    return frozenset(nodes)


def _filled_in_on_loop(fn: Maker, given: Given, nodes: Mapping[str, Node], overrides: Overrides) -> Maker:
    @wraps(fn)
    async def run(*args: Any, **kwargs: Any) -> Any:
        args, kwargs = given.read(args, kwargs)
        async with _opened_on_loop(_left(nodes, kwargs), overrides) as values:
            return await fn(*args, **kwargs, **values)

    return run


def _filled_in_here(fn: Maker, given: Given, nodes: Mapping[str, Node], overrides: Overrides, enter: Enter) -> Maker:
    @wraps(fn)
    def run(*args: Any, **kwargs: Any) -> Any:
        args, kwargs = given.read(args, kwargs)
        with _opened_here(enter, _left(nodes, kwargs), overrides) as values:
            return fn(*args, **kwargs, **values)

    return run


def _left(nodes: Mapping[str, Node], given: Mapping[str, Any]) -> Mapping[str, Node]:
    """Return what is still to be opened; never does a job give any of it."""
    if nodes.keys().isdisjoint(given):
        return nodes
    return {name: node for name, node in nodes.items() if name not in given}


@asynccontextmanager
async def _opened_on_loop(nodes: Mapping[str, Node], overrides: Overrides) -> AsyncIterator[dict[str, Any]]:
    raised: BaseException | None = None
    asked = overrides.resolved(nodes)
    async with AsyncExitStack() as last_first:
        opening = _OnLoop(last_first)
        try:
            yield {name: await opening.value(node) for name, node in asked.items()}
        except BaseException as error:
            raised = error
            raise
    if raised is not None:
        raise raised


class _OnLoop:
    """Opens what one job depends on, each thing once."""

    def __init__(self, last_first: AsyncExitStack) -> None:
        self._last_first = last_first
        self._lasting = worker_values.get(None)
        self._values: dict[object, Any] = {}

    async def value(self, node: Node) -> Any:
        if node.key not in self._values:
            self._values[node.key] = await self._open(node)
        return self._values[node.key]

    async def _open(self, node: Node) -> Any:
        if node.scope == "worker" and self._lasting is not None:
            return await self._lasting.get(node.key, named(node), partial(_alone, node, self._lasting))
        needs = {name: await self.value(need) for name, need in node.needs}
        return await self._last_first.enter_async_context(_made_on_loop(node, needs))


@contextmanager
def _opened_here(enter: Enter, nodes: Mapping[str, Node], overrides: Overrides) -> Iterator[dict[str, Any]]:
    raised: BaseException | None = None
    asked = overrides.resolved(nodes)
    with ExitStack() as last_first:
        opening = _Here(last_first, enter)
        try:
            yield {name: opening.value(node) for name, node in asked.items()}
        except BaseException as error:
            raised = error
            raise
    if raised is not None:
        raise raised


class _Here:
    """Does the same for a body that cannot await."""

    def __init__(self, last_first: ExitStack, enter: Enter) -> None:
        self._last_first = last_first
        self._enter = enter
        self._lasting = worker_values.get(None)
        self._values: dict[object, Any] = {}

    def value(self, node: Node) -> Any:
        if node.key not in self._values:
            self._values[node.key] = self._open(node)
        return self._values[node.key]

    def _open(self, node: Node) -> Any:
        lasting = self._lasting
        if node.scope == "worker" and lasting is not None:
            return lasting.get_from_thread(node.key, named(node), partial(_alone, node, lasting))
        needs = {name: self.value(need) for name, need in node.needs}
        return self._last_first.enter_context(self._made(node, needs))

    def _made(self, node: Node, needs: dict[str, Any]) -> AbstractContextManager[Any]:
        if node.way in ("value", "entered"):
            return _made_here(node, needs)
        return self._enter(_made_on_loop(node, needs))


@asynccontextmanager
async def _alone(node: Node, lasting: Lasting) -> AsyncIterator[Any]:
    """Open a value of the worker, given others like it: they are closed later than this one."""
    needs = {
        name: await lasting.get(need.key, named(need), partial(_alone, need, lasting)) for name, need in node.needs
    }
    async with _made_on_loop(node, needs) as value:
        yield value


@asynccontextmanager
async def _made_on_loop(node: Node, needs: dict[str, Any]) -> AsyncIterator[Any]:
    if node.way == "awaited":
        yield await node.factory(**needs)
    elif node.way == "entered on the loop":
        async with _entered_on_loop(node.factory(**needs), node) as value:
            yield value
    else:
        with _made_here(node, needs) as value:
            yield value


@contextmanager
def _made_here(node: Node, needs: dict[str, Any]) -> Iterator[Any]:
    made = node.factory(**needs)
    if node.way == "value":
        yield made
    else:
        with _entered_here(made, node) as value:
            yield value


def _entered_on_loop(made: Any, node: Node) -> AbstractAsyncContextManager[Any]:
    if not inspect.isasyncgen(made):
        return cast("AbstractAsyncContextManager[Any]", made)
    return asynccontextmanager(lambda: cast("AsyncGenerator[Any]", OneValueAsync(made, named(node))))()


def _entered_here(made: Any, node: Node) -> AbstractContextManager[Any]:
    if not inspect.isgenerator(made):
        return cast("AbstractContextManager[Any]", made)
    return contextmanager(lambda: cast("Generator[Any]", OneValue(made, named(node))))()
