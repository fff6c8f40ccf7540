-- include: full.lua
-- include: locks.lua

-- Holds a place from now on.
-- KEYS  prefix
-- ARGV  name, owner, ttl
-- Returns 1, or 0 if this owner has no place.
-- Guarantee: a place is never taken; passes at `maxmemory`.
if not holds(ARGV[1], ARGV[2]) then
  return 0
end
pass_when_full()
hold(ARGV[1], ARGV[2], tonumber(ARGV[3]))
return 1
