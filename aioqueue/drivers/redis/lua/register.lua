-- include: full.lua
-- include: clock.lua

-- Creates the lease of a new incarnation.
-- KEYS  prefix
-- ARGV  incarnation, seconds, info
-- Returns 1 if it was created, 0 if it was there.
-- Guarantee: a lease that exists is left as it is; passes at `maxmemory`.
local incarnation = ARGV[1]
local key = lease_key(incarnation)
if redis.call('EXISTS', key) == 1 then
  return 0
end
pass_when_full()
redis.call('HSET', key, 'counter', 0, 'seconds', ARGV[2], 'info', ARGV[3], 'renewed_at', seconds(now))
redis.call('SADD', LEASES, incarnation)
return 1
