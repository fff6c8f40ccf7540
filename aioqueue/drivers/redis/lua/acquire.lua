-- include: full.lua
-- include: locks.lua

-- Takes a place of a lock or semaphore, or keeps the one there is.
-- KEYS  prefix
-- ARGV  name, owner, ttl, limit
-- Returns 1 if the owner has a place, else 0.
-- Guarantee: never more than `limit` places; passes at `maxmemory`.
local name, owner = ARGV[1], ARGV[2]
if not holds(name, owner) and places_taken(name) >= tonumber(ARGV[4]) then
  return 0
end
pass_when_full()
hold(name, owner, tonumber(ARGV[3]))
return 1
