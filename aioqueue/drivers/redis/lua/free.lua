-- include: full.lua
-- include: locks.lua

-- Gives a place back.
-- KEYS  prefix
-- ARGV  name, owner
-- Returns 1, or 0 if this owner had none.
-- Guarantee: passes at `maxmemory`.
local name, owner = ARGV[1], ARGV[2]
if not holds(name, owner) then
  return 0
end
pass_when_full()
redis.call('ZREM', lock_key(name), owner)
note_end(name)
return 1
