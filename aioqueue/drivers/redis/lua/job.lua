-- include: describe.lua
-- include: deadletters.lua

-- KEYS  prefix
-- ARGV  id
-- Returns the row of describe.lua and nil, or nil and the dead letter, or twice nil; that also for a job that waits.
-- Guarantee: writes nothing.
if redis.call('HEXISTS', WAITING, ARGV[1]) == 1 then
  return { false, false }
end
local row = describe({ ARGV[1] })[1]
return { row or false, not row and dead_letter(ARGV[1]) }
