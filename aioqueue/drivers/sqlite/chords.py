"""Chords: the values of their members, kept until the callback that they are handed to has ended."""

from __future__ import annotations

from collections.abc import Sequence

from aioqueue.drivers.base import Membership
from aioqueue.drivers.sqlite.schedule import due_time, place
from aioqueue.drivers.sqlite.transaction import Transaction, json_list


def keep_value(transaction: Transaction, member: Membership, value: bytes) -> None:
    """Keep a member's value, unless it has one, and enqueue the callback with the last of them."""
    kept = transaction.execute("keep_value", chord=member.chord, place=member.index, value=value).rowcount
    if kept and transaction.one("count_value", chord=member.chord) == (0,):
        _call_back(transaction, member.chord)


def _call_back(transaction: Transaction, chord: str) -> None:
    callback = transaction.row("waiting_callback", chord=chord)
    if callback:
        position, delay, eta, expires_in = callback
        if expires_in:
            transaction.execute("fix_expiry", position=position, expires_at=transaction.now + expires_in)
        place(transaction, position, due_time(transaction, eta, delay))


def inputs_of(transaction: Transaction, ids: Sequence[str]) -> dict[str, tuple[bytes, ...]]:
    """Return the values for those jobs that are callbacks."""
    values: dict[str, list[bytes]] = {}
    for chord, value in transaction.rows("values_of_chords", ids=json_list(ids)):
        values.setdefault(chord, []).append(value)
    return {chord: tuple(its) for chord, its in values.items()}


def forget(transaction: Transaction, ended: Sequence[str]) -> None:
    """Remove the chords of callbacks that have ended."""
    forgotten = [row[0] for row in transaction.rows("forget_chords", ids=json_list(ended))]
    if forgotten:
        transaction.execute("forget_values", ids=json_list(forgotten))
