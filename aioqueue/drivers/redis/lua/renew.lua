-- include: full.lua
-- include: clock.lua

-- Extends a lease by adding one to its counter.
-- KEYS  prefix
-- ARGV  incarnation, info: replaces that of the lease, unless it is empty
-- Returns 1, or 0 if there is no such lease; the ids of the running jobs that someone asked to cancel.
-- Guarantee: a lease is never created; passes at `maxmemory`.
local key = lease_key(ARGV[1])
if redis.call('EXISTS', key) == 0 then
  return { 0, {} }
end
pass_when_full()
redis.call('HINCRBY', key, 'counter', 1)
redis.call('HSET', key, 'renewed_at', seconds(now))
if ARGV[2] ~= '' then
  redis.call('HSET', key, 'info', ARGV[2])
end
return { 1, redis.call('HKEYS', unwanted_key(ARGV[1])) }
