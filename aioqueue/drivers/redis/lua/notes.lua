-- include: notes_kept.lua

-- KEYS  prefix
-- ARGV  id, number
-- Returns the notes of a job with a higher number, in order, each as kept.
-- Guarantee: writes nothing.
local above = last_number(ARGV[1]) - math.max(0, tonumber(ARGV[2]))
if above <= 0 then
  return {}
end
return redis.call('LRANGE', notes_key(ARGV[1]), -above, -1)
