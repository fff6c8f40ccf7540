"""The places of later stages: jobs that wait for the end of another and are known by nothing but their ids."""

from __future__ import annotations

from collections.abc import Sequence

from aioqueue.drivers.sqlite.transaction import Transaction, json_list


def vacate(transaction: Transaction, ids: Sequence[str]) -> set[str]:
    """Remove the jobs that wait, and return which did."""
    return {row[0] for row in transaction.rows("vacate_places", ids=json_list(ids))}


def abandon(transaction: Transaction, ended: Sequence[str]) -> list[str]:
    """Remove what waits for jobs that have ended, and return which that was: nobody will take these places."""
    return [row[0] for row in transaction.rows("abandon_places", ids=json_list(ended))]
