"""What the memory driver could forget."""

from __future__ import annotations

from typing import Final

from tests.mutants.mutant import Mutant

_CONFORMANCE: Final = ("tests/drivers/test_conformance.py -k memory", "tests/drivers/test_memory_store.py")
_FOLDER: Final = "drivers/memory"


def _mutant(name: str, file: str, before: str, after: str, forgets: str, *first: str) -> Mutant:
    return Mutant(f"memory-{name}", f"{_FOLDER}/{file}", before, after, forgets, (*first, *_CONFORMANCE))


MEMORY: Final = (
    _mutant(
        "settle-token",
        "shelves.py",
        "return record if record is not None and record.token == token else None",
        "return record",
        "that only the current claim may settle or release: the token",
    ),
    _mutant(
        "reap-counter",
        "driver.py",
        "if standing is None or standing.counter != counter:",
        "if standing is None:",
        "that a lease renewed since it was looked at lives",
    ),
    _mutant(
        "reap-delivery",
        "driver.py",
        "                record.deliveries += 1\n",
        "                record.deliveries += 0\n",
        "to count a lost delivery, so that poison never ends",
    ),
    _mutant(
        "done-marker",
        "remains.py",
        "self._markers.put(end.id, end.state, now + DONE_MARKER_TTL, now)",
        "self._markers.put(end.id, end.state, now, now)",
        "the done marker, so that a repeated enqueue runs a finished job again",
    ),
    _mutant(
        "result-ttl",
        "remains.py",
        "self._results.put(end.id, settled, now + end.result_ttl, now)",
        "self._results.put(end.id, settled, now + 1e9, now)",
        "the ttl of results",
    ),
    _mutant(
        "settle-twice",
        "remains.py",
        "return self._tokens.get(token, now) is True",
        "return False",
        "that a settle may be repeated when its answer was lost",
    ),
    _mutant(
        "slot-high-water",
        "firings.py",
        "return slot <= now + HASTE and (last is None or slot > last)",
        "return slot <= now + HASTE",
        "the slot's high-water mark",
    ),
    _mutant(
        "slot-ahead",
        "firings.py",
        "return slot <= now + HASTE and (last is None or slot > last)",
        "return last is None or slot > last",
        "that a slot ahead of the store's clock is refused",
    ),
    _mutant(
        "successor",
        "settling.py",
        "        self._succeed(outcome.successors)\n",
        "",
        "what follows from an outcome: the next stage, the error callback",
    ),
    _mutant(
        "claim-repeat",
        "driver.py",
        "if standing.batch == batch:",
        "if False:",
        "that a claim may be repeated when its answer was lost",
    ),
    _mutant(
        "wake-handed-on",
        "driver.py",
        "state.bell.ring()  # it was meant for somebody",
        "pass",
        "to hand on the wake-up that a cancelled wait was given",
    ),
    _mutant(
        "claim-leaves-jobs",
        "driver.py",
        "            if taken and (shelves.ready or shelves.suspects):\n",
        "            if False:\n",
        "to wake another worker for the jobs that a claim leaves behind",
    ),
    _mutant(
        "cancel-kept",
        "settling.py",
        "elif record.unwanted is not None:",
        "elif False:",
        "the cancel kept with the claim of a job that is to run again",
    ),
    _mutant(
        "unique-freed",
        "shelves.py",
        "            del self.keys[record.unique]\n",
        "            pass\n",
        "to free the unique key of a job that has ended",
    ),
    _mutant(
        "chord-second-value",
        "chord.py",
        "if index in self.values or index not in range(self.size):",
        "if index not in range(self.size):",
        "that the first value of a chord's member stays",
    ),
    _mutant(
        "once-used-up",
        "revocations.py",
        "            self._marks.remove(mark.target)\n        return True\n",
        "            pass\n        return True\n",
        "to use up a mark that holds once",
    ),
    _mutant(
        "dead-kept",
        "remains.py",
        "if len(self._dead) > DEAD_LETTERS_KEPT:",
        "if False:",
        "the limit of dead letters",
    ),
    _mutant(
        "dead-ttl",
        "remains.py",
        "if now < oldest.died_at + DEAD_LETTER_TTL:",
        "if True:",
        "the ttl of dead letters",
    ),
    _mutant(
        "release-to-head",
        "shelves.py",
        "self._line_of(record).prepend(record)",
        "self._line_of(record).append(record)",
        "that a released job goes back to the head of its line",
    ),
    _mutant(
        "lock-owner",
        "locks.py",
        "        if owner not in places:\n            return False\n",
        "        if not places:\n            return False\n",
        "whose lock it is that is extended",
    ),
    _mutant(
        "lock-ttl",
        "locks.py",
        "return {owner: until for owner, until in places.items() if now < until}",
        "return dict(places)",
        "the ttl of each place of a semaphore",
    ),
    _mutant(
        "note-ttl",
        "notes.py",
        "self._notes.put(job_id, kept, now + ttl, now)",
        "self._notes.put(job_id, kept, now + 1e9, now)",
        "the ttl of notes",
    ),
    _mutant(
        "waiter-ttl",
        "watchers.py",
        "        ears[ear] = until\n",
        "        ears[ear] = until + 1e9\n",
        "the ttl of a waiter's registration",
    ),
)
