-- include: values.lua

-- Adds to a whole number kept as decimal text; its ttl stays.
-- KEYS  prefix
-- ARGV  key, number to add
-- Returns the sum as text, nil where it or the value is no whole number of 64 bits.
-- Guarantee: refused at `maxmemory`.
local key = ARGV[1]
local sum_key = AQ .. 'sum'
local value, ends = value_of(key)
-- Lua's numbers are exact up to 53 bits only, so Redis adds, in a key that is gone when this step is over.
redis.call('SET', sum_key, value or '0')
local added = redis.pcall('INCRBY', sum_key, ARGV[2])
local sum = redis.call('GET', sum_key)
redis.call('DEL', sum_key)
if type(added) == 'table' then
  return false
end
if value then
  redis.call('SET', value_key(key), struct.pack('>d', ends) .. sum, 'KEEPTTL')
else
  keep_value(key, sum, 0)
end
return sum
