"""What the Redis driver could forget, in Python and in Lua."""

from __future__ import annotations

from typing import Final

from tests.mutants.mutant import Mutant

_LAYOUT: Final = "tests/drivers/test_redis_layout.py"
_FAULTS: Final = "tests/drivers/test_redis_faults.py"
_CONFORMANCE: Final = ("tests/drivers/test_conformance.py -k redis", _LAYOUT, _FAULTS)
_FOLDER: Final = "drivers/redis"


def _mutant(name: str, file: str, before: str, after: str, forgets: str, *first: str) -> Mutant:
    return Mutant(f"redis-{name}", f"{_FOLDER}/{file}", before, after, forgets, (*first, *_CONFORMANCE))


REDIS: Final = (
    _mutant(
        "settle-token",
        "lua/settle.lua",
        "local is_held = tonumber(held[n]) == tokens[n] and not ended[id]",
        "local is_held = held[n] and not ended[id]",
        "that only the current claim may settle: the token",
    ),
    _mutant(
        "release-token",
        "lua/release.lua",
        "if tonumber(token) == claims[n * 2] then",
        "if token then",
        "that only the current claim may release: the token",
    ),
    _mutant(
        "claim-owner",
        "lua/claim.lua",
        "if found[n] and not owners[n] and not taken[id] then",
        "if found[n] and not taken[id] then",
        "that a job which has an owner is not claimed again",
        "tests/drivers/test_redis_lines.py",
    ),
    _mutant(
        "claim-record",
        "lua/claim.lua",
        "if found[n] and not owners[n] and not taken[id] then",
        "if not owners[n] and not taken[id] then",
        "that an id without a record is passed over",
        "tests/drivers/test_redis_lines.py",
    ),
    _mutant(
        "claim-repeat",
        "lua/claim.lua",
        "if lease[2] == batch then",
        "if false then",
        "that a claim may be repeated when its answer was lost",
    ),
    _mutant(
        "reap-counter",
        "lua/reap.lua",
        "if redis.call('HGET', lease_key(incarnation), 'counter') ~= counter then",
        "if not redis.call('HGET', lease_key(incarnation), 'counter') then",
        "that a lease renewed since it was looked at lives",
    ),
    _mutant(
        "reap-delivery",
        "lua/reap.lua",
        "append(counts, { wanted[n], (deliveries or 0) + 1 })",
        "append(counts, { wanted[n], (deliveries or 0) })",
        "to count a lost delivery, so that poison never ends",
    ),
    _mutant(
        "done-marker",
        "lua/ending.lua",
        "local life = math.max(ttl, DONE_MARKER_TTL)",
        "local life = ttl",
        "the done marker, so that a repeated enqueue runs a finished job again",
    ),
    _mutant(
        "result-key-ttl",
        "lua/ending.lua",
        "head.bytes .. before .. body, 'PX', head.milliseconds)",
        "head.bytes .. before .. body)",
        "the ttl of a result's key",
        _LAYOUT,
    ),
    _mutant(
        "result-ttl",
        "lua/results.lua",
        "if now < outcome_until then",
        "if true then",
        "that a result is told no longer than its ttl, by the store's clock",
    ),
    _mutant(
        "waiter-key-ttl",
        "lua/watch.lua",
        "redis.call('SET', key, listeners, 'PX', life)",
        "redis.call('SET', key, listeners)",
        "the ttl of a waiter's registration",
        _LAYOUT,
    ),
    _mutant(
        "note-key-ttl",
        "lua/note.lua",
        "redis.call('PEXPIRE', key, lifetime(ttl))\n",
        "",
        "the ttl of the notes' key",
        _LAYOUT,
    ),
    _mutant(
        "lock-key-ttl",
        "lua/locks.lua",
        "    redis.call('PEXPIRE', key, lifetime(last - now))\n",
        "",
        "the ttl of a lock's key",
        _LAYOUT,
    ),
    _mutant(
        "lock-ttl",
        "lua/locks.lua",
        "return redis.call('ZCOUNT', lock_key(name), '(' .. exact(now), '+inf')",
        "return redis.call('ZCARD', lock_key(name))",
        "that a lock ends with its ttl, by the store's clock",
    ),
    _mutant(
        "lock-owner",
        "lua/locks.lua",
        "return tonumber(redis.call('ZSCORE', lock_key(name), owner) or 0) > now",
        "return places_taken(name) > 0",
        "whose lock it is that is extended or given back",
    ),
    _mutant(
        "dead-key-ttl",
        "lua/deadletters.lua",
        "  redis.call('PEXPIRE', DEAD, DEAD_LETTER_TTL * 1000)\n",
        "",
        "the ttl of the dead letters' key",
        _LAYOUT,
    ),
    _mutant(
        "dead-kept",
        "lua/deadletters.lua",
        "  if excess > 0 then\n",
        "  if false then\n",
        "the limit of dead letters",
    ),
    _mutant(
        "slot-high-water",
        "lua/fire.lua",
        "if slot <= tonumber(last_slot) then",
        "if slot == tonumber(last_slot) then",
        "the slot's high-water mark",
    ),
    _mutant(
        "slot-ahead",
        "lua/fire.lua",
        "if slot > now + HASTE then",
        "if false then",
        "that a slot ahead of the store's clock is refused",
    ),
    _mutant(
        "successor",
        "lua/settle_followed.lua",
        "    admit(successors, few, open_places())\n",
        "",
        "what follows from an outcome: the next stage, the error callback",
    ),
    _mutant(
        "settle-twice",
        "lua/settle_again.lua",
        "  remember_token(id, token)\n  return record",
        "  return record",
        "that the settle of a job which runs again may be repeated",
    ),
    _mutant(
        "cancel-kept",
        "lua/settle.lua",
        "if requests and #again > 0 then",
        "if false then",
        "the cancel kept with the claim of a job that is to run again",
    ),
    _mutant(
        "chord-second-value",
        "lua/chords.lua",
        "return redis.call('HSETNX', chord_key(chord), index, value) == 1",
        "return redis.call('HSET', chord_key(chord), index, value) == 1",
        "that the first value of a chord's member stays",
    ),
    _mutant(
        "once-used-up",
        "lua/marks.lua",
        "if there and once then",
        "if false then",
        "to use up a mark that holds once",
    ),
    _mutant(
        "unique-freed",
        "lua/unique.lua",
        "      redis.call('HDEL', UNIQUE, key)\n",
        "",
        "to free the unique key of a job that has ended",
    ),
    _mutant(
        "release-to-head",
        "lua/release.lua",
        "queue_at_head(wanted, hash_values(JOBS, wanted))",
        "queue_at_back(wanted, hash_values(JOBS, wanted))",
        "that a released job goes back to the head of its line",
    ),
    _mutant(
        "lease-ended",
        "lua/reap.lua",
        "end_lease(incarnation)\n",
        "",
        "to end the lease of the dead, which is then reaped for ever",
    ),
    _mutant(
        "renew-when-full",
        "lua/renew.lua",
        "pass_when_full()\n",
        "",
        "that a lease can be renewed when Redis is full",
        _LAYOUT,
    ),
    _mutant(
        "script-forgotten",
        "scripts.py",
        '        return await connections.call("EVAL", script.text, 1, prefix, *arguments)\n',
        "        raise\n",
        "that a server may have forgotten a script",
    ),
    _mutant(
        "wait-called-off",
        "waking.py",
        'if popped and popped[0].endswith(b":wake"):',
        "if False:",
        "to hand on the wake-up that a cancelled wait was given",
    ),
    _mutant(
        "gap",
        "subscriptions.py",
        "            for gap in self._gaps:\n                self._shield(gap)\n",
        "",
        "to ask again for what was published while the connection was lost",
        f"{_FAULTS} -k gap",
    ),
    _mutant(
        "silence",
        "subscriptions.py",
        "        if not await _hears_within(link, CALL_TIMEOUT):\n            link.close()\n",
        "",
        "that a connection which is silent may be half open",
        f"{_FAULTS} -k half_open",
    ),
)
