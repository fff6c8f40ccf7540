-- include: values.lua

-- Removes a value.
-- KEYS  prefix
-- ARGV  key
-- Returns the value, nil if there was none.
-- Guarantee: passes at `maxmemory`.
local value = value_of(ARGV[1])
redis.call('DEL', value_key(ARGV[1]))
return value
