"""What the SQLite driver could forget, in Python and in SQL."""

from __future__ import annotations

from typing import Final

from tests.mutants.mutant import Mutant

_CONFORMANCE: Final = ("tests/drivers/test_conformance.py -k sqlite", "tests/drivers/test_sqlite_store.py")
_FOLDER: Final = "drivers/sqlite"


def _mutant(name: str, file: str, before: str, after: str, forgets: str, *first: str) -> Mutant:
    return Mutant(f"sqlite-{name}", f"{_FOLDER}/{file}", before, after, forgets, (*first, *_CONFORMANCE))


SQLITE: Final = (
    _mutant(
        "settle-incarnation",
        "sql/settling.sql",
        "WHERE queue = :queue AND state = 'running' AND incarnation = :incarnation\n    AND token IN",
        "WHERE queue = :queue AND state = 'running'\n    AND token IN",
        "that only the incarnation that holds a claim may settle it",
    ),
    _mutant(
        "release-token",
        "sql/claiming.sql",
        "AND state = 'running' AND incarnation = ? AND token = ? AND id = ?;",
        "AND state = 'running' AND incarnation = ? AND ? > 0 AND id = ?;",
        "that only the current claim may release: the token",
    ),
    _mutant(
        "claim-owner",
        "sql/claiming.sql",
        "WHERE queue = :queue AND state = 'queued' AND line >= :first AND line <= :last\nORDER BY",
        "WHERE queue = :queue AND state IN ('queued', 'running') AND line >= :first AND line <= :last\nORDER BY",
        "that a job which has an owner is not claimed again",
    ),
    _mutant(
        "claim-repeat",
        "claiming.py",
        "if lease and last_batch == batch:",
        "if False:",
        "that a claim may be repeated when its answer was lost",
    ),
    _mutant(
        "reap-counter",
        "sql/leases.sql",
        "AND counter = :counter RETURNING counter;",
        "AND :counter >= 0 RETURNING counter;",
        "that a lease renewed since it was looked at lives",
    ),
    _mutant(
        "reap-delivery",
        "leases.py",
        "return _release_all(transaction, incarnation, deliveries=1)",
        "return _release_all(transaction, incarnation, deliveries=0)",
        "to count a lost delivery, so that poison never ends",
    ),
    _mutant(
        "done-marker",
        "ending.py",
        "expires_at = max(outcome_until, transaction.now + DONE_MARKER_TTL)",
        "expires_at = outcome_until",
        "the done marker, so that a repeated enqueue runs a finished job again",
    ),
    _mutant(
        "result-ttl",
        "ending.py",
        "outcome_until = transaction.now + min(LONGEST_TTL, ending.result_ttl)",
        "outcome_until = transaction.now + LONGEST_TTL",
        "the ttl of results",
    ),
    _mutant(
        "settle-twice",
        "sql/settling.sql",
        "UNION ALL SELECT 1 FROM receipts WHERE queue = :queue AND token = :token;",
        ";",
        "that the settle of a job which runs again may be repeated",
    ),
    _mutant(
        "slot-high-water",
        "firing.py",
        "if last and slot <= last[0]:",
        "if last == (slot, job.id):",
        "the slot's high-water mark",
    ),
    _mutant(
        "slot-ahead",
        "firing.py",
        "if slot > transaction.now + _AHEAD:",
        "if False:",
        "that a slot ahead of the store's clock is refused",
    ),
    _mutant(
        "successor",
        "settling.py",
        "        enqueue(transaction, successors)\n",
        "",
        "what follows from an outcome: the next stage, the error callback",
    ),
    _mutant(
        "cancel-kept",
        "settling.py",
        "if unwanted and isinstance(outcome, Again):",
        "if False:",
        "the cancel kept with the claim of a job that is to run again",
    ),
    _mutant(
        "chord-second-value",
        "sql/chords.sql",
        "INSERT OR IGNORE INTO chord_values",
        "INSERT OR REPLACE INTO chord_values",
        "that the first value of a chord's member stays",
    ),
    _mutant(
        "once-used-up",
        "sql/revoking.sql",
        "-- name: consume\nDELETE FROM revocations\nWHERE",
        "-- name: consume\nUPDATE revocations SET until = until\nWHERE",
        "to use up a mark that holds once",
    ),
    _mutant(
        "dead-kept",
        "settling.py",
        '        transaction.execute("keep_newest_dead", kept=DEAD_LETTERS_KEPT)\n',
        "",
        "the limit of dead letters",
    ),
    _mutant(
        "release-to-head",
        "sql/claiming.sql",
        "UPDATE jobs SET state = 'queued', incarnation = '', batch = 0, token = 0\n",
        "UPDATE jobs SET position = (SELECT max(position) + 1 FROM jobs),\n"
        "state = 'queued', incarnation = '', batch = 0, token = 0\n",
        "that a released job goes back to the head of its line",
    ),
    _mutant(
        "lock-owner",
        "sql/locks.sql",
        "AND owner = :owner AND expires_at > :now RETURNING 1;",
        "AND :owner <> '' AND expires_at > :now RETURNING 1;",
        "whose lock it is that is extended",
    ),
    _mutant(
        "lock-ttl",
        "sql/locks.sql",
        "WHERE queue = :queue AND name = :name AND +expires_at > :now;",
        "WHERE queue = :queue AND name = :name;",
        "the ttl of a lock",
    ),
    _mutant(
        "note-ttl",
        "sql/notes.sql",
        "AND number > :after AND +expires_at > :now",
        "AND number > :after",
        "the ttl of notes",
    ),
    _mutant(
        "waiters-told",
        "ending.py",
        '    transaction.news.told.update(row[0] for row in transaction.rows("tell_waiters", ids=ids))\n',
        "",
        "to tell waiters in other processes at once",
    ),
    _mutant(
        "wake-handed-on",
        "claiming.py",
        "    transaction.news.jobs |= ordinary or suspect\n",
        "",
        "to wake another worker for the jobs that a claim leaves behind",
    ),
    _mutant(
        "purge",
        "sql/purge.sql",
        "DELETE FROM settled WHERE queue = :queue AND id IN (",
        "DELETE FROM settled WHERE 0 AND queue = :queue AND id IN (",
        "to remove results whose time is over from the file",
    ),
    _mutant(
        "durable",
        "layout.py",
        'connection.execute("PRAGMA synchronous = FULL")',
        'connection.execute("PRAGMA synchronous = NORMAL")',
        "that an acknowledged commit is on the disk",
        "tests/drivers/test_sqlite_store.py",
        "tests/faults/test_power_cut.py",
    ),
    _mutant(
        "savepoint",
        "group.py",
        '        connection.execute("ROLLBACK TO operation")\n',
        "",
        "that an operation which fails leaves nothing of it behind",
        "tests/drivers/test_sqlite_store.py",
    ),
    _mutant(
        "whole-group",
        "group.py",
        "if len(group) == 1 or is_busy(error):",
        "if True:",
        "to run each operation alone when a transaction is lost as a whole",
        "tests/drivers/test_sqlite_store.py",
    ),
)
