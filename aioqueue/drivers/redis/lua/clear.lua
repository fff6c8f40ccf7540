-- include: locks.lua

-- Frees every place of some locks, of all locks if none is named.
-- KEYS  prefix
-- ARGV  names: msgpack array
-- Returns how many places were taken.
-- Guarantee: one step; passes at `maxmemory`.
local names, taken = cmsgpack.unpack(ARGV[1]), 0
if #names == 0 then
  names = redis.call('ZRANGE', LOCKS, 0, -1)
end
for _, name in ipairs(names) do
  taken = taken + places_taken(name)
  redis.call('UNLINK', lock_key(name))
  redis.call('ZREM', LOCKS, name)
end
return taken
