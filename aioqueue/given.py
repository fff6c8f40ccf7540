"""What a call gives to a function of which some parameters are filled in, and whether it fits."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Mapping
from typing import Any, Final, TypeAlias

from aioqueue.errors import ConfigurationError

Arguments: TypeAlias = tuple[tuple[Any, ...], dict[str, Any]]

_BY_PLACE: Final = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
_BY_NAME: Final = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


class Given:
    """Reads the calls of one function, `filled` of whose parameters are filled in where nobody gives them.

    Positional arguments belong to the other parameters; if there are more of them than that, to all in their order.
    The first parameters may be given otherwise: `within_first` of them inside `fn`, then `worker_first` by the worker.
    """

    def __init__(
        self, fn: Callable[..., Any], filled: Collection[str], *, within_first: int, worker_first: int
    ) -> None:
        parameters = list(inspect.signature(fn).parameters.values())[within_first:]
        positional = [one for one in parameters if one.kind in _BY_PLACE]
        asked = parameters[worker_first:]
        self._name = fn.__qualname__
        self._signature = inspect.Signature(parameters)
        self._filled = frozenset(filled)
        self._worker_first = worker_first
        self._asked = frozenset(one.name for one in asked if one.kind in _BY_NAME) - self._filled
        self._needed = frozenset(one.name for one in asked if _is_needed(one)) - self._filled
        self._positional = [one.name for one in positional]
        self._others = [name for name in self._positional if name not in self._filled]
        self._in_front = next((at for at, name in enumerate(self._positional) if name in self._filled), None)
        if self._in_front is not None and any(one.kind is one.VAR_POSITIONAL for one in parameters):
            name = self._positional[self._in_front]
            raise ConfigurationError(f"{self._name}: {name!r} is filled in by name: put it behind the *arguments")

    def read(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Arguments:
        """Return what to call the function with; what goes to a parameter that would be filled in is there by name.

        Raises the `TypeError` of a call that does not fit.
        """
        if len(args) == self._worker_first and self._needed <= kwargs.keys() <= self._asked:
            return args, kwargs  # so calls the worker: binding would cost as much as all the rest
        args, kwargs = self._in_place(args, kwargs)
        not_given = dict.fromkeys(self._filled - kwargs.keys())
        try:
            self._signature.bind(*args, **kwargs, **not_given)
        except TypeError as error:
            raise TypeError(f"{self._name}() {error}") from None
        return args, kwargs

    def _in_place(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Arguments:
        """Give those by name that stand behind one that is filled in."""
        if self._in_front is None:
            return args, dict(kwargs)
        if len(args) > len(self._positional):
            raise TypeError(f"{self._name}() too many positional arguments")
        first = self._in_front
        names = self._others if len(args) <= len(self._others) else self._positional
        behind = dict(zip(names[first:], args[first:], strict=False))
        for name in behind:
            if name in kwargs:
                raise TypeError(f"{self._name}() multiple values for argument {name!r}")
        return args[:first], {**behind, **kwargs}


def _is_needed(one: inspect.Parameter) -> bool:
    return one.default is one.empty and one.kind not in (one.VAR_POSITIONAL, one.VAR_KEYWORD)
