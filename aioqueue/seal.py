"""Sealed bytes: signed with a key, together with what they belong to, so that they are good for nothing else."""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from typing import Final

from aioqueue.errors import ConfigurationError

SHORTEST_KEY: Final = 16
# 0xC1 begins nothing in msgpack, JSON or pickle: what is sealed cannot be taken for what is not.
_MARK: Final = b"\xc1aq1"
_KEY_ID: Final = 8
_SIGNATURE: Final = 32
_HEAD: Final = len(_MARK) + _KEY_ID + _SIGNATURE


class Untrusted(Exception):  # noqa: N818 -- a finding about bytes, not an error of the program
    """These bytes must not be read; the message says why."""


class Keys:
    """Secret keys: the first one signs, each of them verifies.

    A key is known by eight bytes that are derived from it and tell nothing of it, so keys need no names. To rotate:
    add the new key behind the old one everywhere, then put it first, then remove the old one when nothing that it
    signed is left.
    """

    def __init__(self, keys: Sequence[str | bytes]) -> None:
        if isinstance(keys, str | bytes) or not isinstance(keys, Sequence):
            raise TypeError("keys= takes a list of keys, of which the first one signs")
        if not keys:
            raise ConfigurationError("keys= is empty: at least one key is needed to sign")
        secrets = [_secret(key) for key in keys]
        self._by_id: Mapping[bytes, bytes] = {_id_of(secret): secret for secret in secrets}
        self._signing = secrets[0]
        self._head = _MARK + _id_of(secrets[0])

    def __repr__(self) -> str:
        return f"<Keys {', '.join(key_id.hex() for key_id in self._by_id)}>"

    def seal(self, belongs_to: Sequence[str], body: bytes) -> bytes:
        """Return `body` with a signature over it and over what it belongs to."""
        return self._head + _signature(self._signing, belongs_to, body) + body

    def open(self, belongs_to: Sequence[str], sealed: bytes) -> bytes:
        """Return what `seal` was given; raises `Untrusted` for anything that was not sealed for the same place."""
        if not is_sealed(sealed):
            raise Untrusted("it is not signed")
        if len(sealed) < _HEAD:
            raise Untrusted("its signature is incomplete")
        key_id = sealed[len(_MARK) : len(_MARK) + _KEY_ID]
        secret = self._by_id.get(key_id)
        if secret is None:
            raise Untrusted(f"it is signed with the key {key_id.hex()}, which is not among those of this queue")
        body = sealed[_HEAD:]
        if not hmac.compare_digest(sealed[_HEAD - _SIGNATURE : _HEAD], _signature(secret, belongs_to, body)):
            raise Untrusted("its signature does not match: it was altered, or made for something else")
        return body


def is_sealed(body: bytes) -> bool:
    """Whether these bytes say that they are sealed."""
    return body.startswith(_MARK)


def unverified(sealed: bytes) -> bytes:
    """Return what is inside without a look at the signature: for what does no harm if it is forged."""
    return sealed[_HEAD:]


def _secret(key: str | bytes) -> bytes:
    if not isinstance(key, str | bytes):
        raise TypeError(f"a key is a text or bytes, not {type(key).__name__}")
    secret = key.encode() if isinstance(key, str) else bytes(key)
    if len(secret) < SHORTEST_KEY:
        raise ConfigurationError(
            f"a key of {len(secret)} bytes can be guessed, at least {SHORTEST_KEY} are needed; "
            "python -c 'import secrets; print(secrets.token_hex(32))' makes one"
        )
    return secret


def _id_of(secret: bytes) -> bytes:
    return hmac.digest(secret, b"aioqueue: the id of this key", "sha256")[:_KEY_ID]


def _signature(secret: bytes, belongs_to: Sequence[str], body: bytes) -> bytes:
    """Sign each part with its length before it: no two lists of parts make the same bytes."""
    parts = [_MARK, *(part.encode() for part in belongs_to), body]
    return hmac.digest(secret, b"".join(len(part).to_bytes(8) + part for part in parts), "sha256")
