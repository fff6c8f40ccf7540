-- include: lines.lua

-- Removes all jobs, and by ending the epoch makes every result and registration unreachable.
-- KEYS  prefix
-- Returns the epoch that begins; keys of older ones are garbage.
-- Guarantee: leases, tokens and the clock's offset stay; passes at `maxmemory`.
redis.call('UNLINK', JOBS, SCHEDULE, OWNER, DELIVERIES, DEFERRALS, AGAIN, WAKE, DEAD, DEAD_AT)
for _, name in ipairs(append(lines_of(SUSPECTS), lines_of(READY))) do
  redis.call('UNLINK', AQ .. name)
end
for _, incarnation in ipairs(redis.call('SMEMBERS', LEASES)) do
  redis.call('UNLINK', claims_key(incarnation))
end
return redis.call('HINCRBY', META, 'epoch', 1)
