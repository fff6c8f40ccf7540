-- include: values.lua

-- Stores a value.
-- KEYS  prefix
-- ARGV  key, value, ttl; 0 for ever
-- Returns nothing.
-- Guarantee: refused at `maxmemory`.
keep_value(ARGV[1], ARGV[2], tonumber(ARGV[3]))
