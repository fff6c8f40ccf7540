-- include: values.lua

-- KEYS  prefix
-- ARGV  key
-- Returns the value, nil if there is none.
-- Guarantee: writes nothing.
return (value_of(ARGV[1]))
