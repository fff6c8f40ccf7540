-- include: lines.lua
-- include: chords.lua

-- Removes all jobs, revocations, slots and locks, and by ending the epoch makes whatever has a ttl unreachable.
-- KEYS  prefix
-- Returns the epoch that begins; keys of older ones are garbage.
-- Guarantee: leases, tokens, the clock's offset, the pause and the key-value store stay; passes at `maxmemory`.
for _, callback in ipairs(redis.call('HKEYS', CHORDS)) do
  redis.call('UNLINK', chord_key(callback))
end
redis.call('UNLINK', JOBS, SCHEDULE, OWNER, DELIVERIES, DEFERRALS, AGAIN, WAKE, DEAD, DEAD_AT)
redis.call('UNLINK', WAITING, STAGES, GONE, UNIQUE, KEYED, CHORDS, REVOKED, REVOKED_UNTIL, SLOTS, LOCKS)
redis.call('HDEL', META, 'stale')
for _, name in ipairs(append(lines_of(SUSPECTS), lines_of(READY))) do
  redis.call('UNLINK', AQ .. name)
  redis.call('HDEL', META, 'stale:' .. name)
end
for _, incarnation in ipairs(redis.call('SMEMBERS', LEASES)) do
  redis.call('UNLINK', claims_key(incarnation), unwanted_key(incarnation))
end
return redis.call('HINCRBY', META, 'epoch', 1)
