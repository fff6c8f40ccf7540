-- include: full.lua
-- include: wake.lua

-- Lets claims give nothing, and wakes all waiters.
-- KEYS  prefix
-- Returns nothing.
-- Guarantee: claims that are held stay; passes at `maxmemory`.
pass_when_full()
redis.call('HSET', META, 'paused', 1)
wake_all()
