-- include: full.lua

-- Moves the queue's clock. For tests only.
-- KEYS  prefix
-- ARGV  seconds
-- Returns nothing.
-- Guarantee: not safe to repeat, unlike every other script; passes at `maxmemory`.
pass_when_full()
redis.call('HINCRBYFLOAT', META, 'offset', ARGV[1])
