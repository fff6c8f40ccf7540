-- include: results.lua

-- KEYS  prefix
-- ARGV  ids: msgpack array
-- Returns the body of each result, nil for a job that is not finished or is forgotten.
-- Guarantee: writes nothing; an outcome is not told after its ttl.
local bodies = {}
for n, value in ipairs(result_values(cmsgpack.unpack(ARGV[1]))) do
  bodies[n] = told(value)
end
return bodies
