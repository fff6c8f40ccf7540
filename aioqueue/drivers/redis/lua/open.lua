-- include: full.lua

-- KEYS  prefix
-- ARGV  layout version of this driver
-- Returns the layout version of what is stored.
-- Guarantee: a version that is there is left as it is; passes at `maxmemory`.
local layout = redis.call('HGET', META, 'layout')
if not layout then
  pass_when_full()
  redis.call('HSET', META, 'layout', ARGV[1])
end
return tonumber(layout or ARGV[1])
