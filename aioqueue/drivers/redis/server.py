"""Which server a URL means, and what its refusals mean to a caller."""

from __future__ import annotations

import re
from typing import Any, Final
from urllib.parse import urlsplit

from redis.asyncio.connection import AbstractConnection, Connection, parse_url
from redis.exceptions import (
    AskError,
    AuthenticationError,
    AuthorizationError,
    NoPermissionError,
    OutOfMemoryError,
    RedisError,
)

from aioqueue.errors import AioqueueError, ConfigurationError, StoreUnavailable

CONNECT_TIMEOUT: Final = 5.0

# Of what a script asks for, the server complains in the script's words, which redis-py knows no class for.
_SCRIPT_MAY_NOT: Final = "The user executing the script can't|ACL failure in script|NOPERM"
_HOW_TO_ESCAPE: Final = "the characters / ? and # in a password are written as %2F %3F and %23"

# redis-py's own timeouts cost an asyncio.Task a command, and its retries send again what may have been committed: every
# call is bounded from outside instead, and repeated by whoever knows what a repeat means.
_OPTIONS: Final[dict[str, Any]] = {
    # It would look its own version up on the disk and ask twice more for each connection, to be seen in CLIENT LIST.
    "driver_info": None,
    "protocol": 2,
    "decode_responses": False,
    "socket_timeout": None,
    "socket_connect_timeout": CONNECT_TIMEOUT,
    "retry": None,
    "retry_on_timeout": False,
    "retry_on_error": [],
    "health_check_interval": 0,
}


class Server:
    """A server that connections can be made to; `address` names it without credentials."""

    def __init__(self, address: str, kind: type[AbstractConnection], options: dict[str, Any]) -> None:
        self.address = address
        self._kind = kind
        self._options = options

    def __repr__(self) -> str:
        return f"<Server {self.address}>"

    def connection(self) -> AbstractConnection:
        """Return a new connection, which connects at its first use."""
        return self._kind(**self._options)


def server_of(url: str) -> Server:
    """Return the server that `url` names: `redis://`, `rediss://` or `unix://`.

    Raises `ConfigurationError` for anything else, without repeating a password.
    """
    try:
        options: dict[str, Any] = {**parse_url(url), **_OPTIONS}
        kind = options.pop("connection_class", Connection)
        if kind is Connection:
            options["socket_keepalive"] = True
        server = Server(_address(url, options), kind, options)
        server.connection()
        _check_database(url)
    except (ValueError, TypeError, RedisError) as error:
        scheme = url.partition("://")[0] if "://" in url else "no scheme"
        reason = _HOW_TO_ESCAPE if _has_cut_password(url) else _unknown_option(error) or error
        raise ConfigurationError(
            f"not a usable Redis URL ({scheme}); expected redis://host:port/db, rediss://… or unix://path: {reason}"
        ) from None
    return server


def _unknown_option(error: Exception) -> str:
    """Return what redis-py, which passes on whatever follows `?`, says of an option that no connection has."""
    found = re.search(r"unexpected keyword argument '(\w+)'", str(error))
    return f"unknown option {found[1]!r} after the ?" if found else ""


def _has_cut_password(url: str) -> bool:
    """Whether what seems to follow the host may be the rest of a password, and what seems to be the host its start."""
    there = url.partition("://")[2]
    host = re.split("[/?#]", there, maxsplit=1)[0]
    return "@" in there[len(host) :]


def _check_database(url: str) -> None:
    """Refuse a database that is no number, which redis-py would pass over."""
    parts = urlsplit(url)
    if parts.scheme != "unix" and parts.path.strip("/") and not parts.path.strip("/").isdecimal():
        raise ValueError(f"the database is a number, not {parts.path.strip('/')!r}")


def _address(url: str, options: dict[str, Any]) -> str:
    database = f"/{options['db']}" if options.get("db") else ""
    if "path" in options:
        return f"unix://{options['path']}{'?db=' if database else ''}{database[1:]}"
    host = options.get("host", "localhost")
    scheme = url.partition("://")[0]
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{options.get('port', 6379)}{database}"


def refusal(server: Server, error: Exception) -> AioqueueError:
    """Return what an error of the server or of the way to it means to a caller, in one line."""
    if isinstance(error, (AuthenticationError, AuthorizationError, NoPermissionError)) or re.search(
        _SCRIPT_MAY_NOT, str(error)
    ):
        return ConfigurationError(f"Redis at {server.address} refused the credentials: {_line(error)}")
    if isinstance(error, AskError):  # of which "moved" is one
        return ConfigurationError(
            f"Redis at {server.address} is one node of a cluster, which keeps this queue elsewhere"
        )
    if isinstance(error, TimeoutError):
        return StoreUnavailable(f"Redis at {server.address} did not answer in time")
    # Before Redis 7 the refusal comes wrapped in the script's error.
    if isinstance(error, OutOfMemoryError) or "OOM command not allowed" in str(error):
        return StoreUnavailable(f"Redis at {server.address} is full: its maxmemory is reached")
    return StoreUnavailable(f"Redis at {server.address} is unavailable: {_line(error)}")


def _line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
