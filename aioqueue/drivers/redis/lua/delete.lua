-- include: values.lua

-- Removes a value.
-- KEYS  prefix
-- ARGV  key
-- Returns 1 if there was one, else 0.
-- Guarantee: passes at `maxmemory`.
local value = value_of(ARGV[1])
redis.call('DEL', value_key(ARGV[1]))
return value and 1 or 0
