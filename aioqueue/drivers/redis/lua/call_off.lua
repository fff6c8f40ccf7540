-- include: full.lua

-- Ends one wait that was cancelled.
-- KEYS  prefix
-- ARGV  name of the wait, ttl in milliseconds for the case that it has ended by itself
-- Returns nothing.
-- Guarantee: passes at `maxmemory`.
local key = AQ .. 'off:' .. ARGV[1]
pass_when_full()
redis.call('RPUSH', key, '')
redis.call('PEXPIRE', key, ARGV[2])
