-- include: locks.lua

-- KEYS  prefix
-- ARGV  names: msgpack array
-- Returns how many places of each lock are taken.
-- Guarantee: writes nothing.
local taken = {}
for n, name in ipairs(cmsgpack.unpack(ARGV[1])) do
  taken[n] = places_taken(name)
end
return taken
