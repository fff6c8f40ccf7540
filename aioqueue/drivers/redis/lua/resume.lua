-- include: wake.lua

-- Lets claims give jobs again, and wakes all waiters.
-- KEYS  prefix
-- Returns nothing.
-- Guarantee: passes at `maxmemory`.
redis.call('HDEL', META, 'paused')
wake_all()
