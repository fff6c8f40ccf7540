-- include: full.lua
-- include: wake.lua

-- Moves the queue's clock, by which jobs may become due. For tests only.
-- KEYS  prefix
-- ARGV  seconds
-- Returns nothing.
-- Guarantee: not safe to repeat, unlike every other script; passes at `maxmemory`.
pass_when_full()
redis.call('HINCRBYFLOAT', META, 'offset', ARGV[1])
wake()
