-- include: values.lua

-- Stores a value unless there is one.
-- KEYS  prefix
-- ARGV  key, value, ttl; 0 for ever
-- Returns 1 if it was stored, else 0.
-- Guarantee: refused at `maxmemory`.
if value_of(ARGV[1]) then
  return 0
end
keep_value(ARGV[1], ARGV[2], tonumber(ARGV[3]))
return 1
