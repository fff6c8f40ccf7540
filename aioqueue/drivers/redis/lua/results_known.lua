-- include: results_portion.lua

-- KEYS  prefix
-- ARGV  ids: msgpack array
-- Returns the body of each result, nil for a job that is not finished or is forgotten, for as many of the ids, and at
--         least one, as make a portion.
-- Guarantee: writes nothing; an outcome is not told after its ttl.
local bodies = {}
for n, value in ipairs(portion_of_results(cmsgpack.unpack(ARGV[1]))) do
  bodies[n] = told(value)
end
return bodies
