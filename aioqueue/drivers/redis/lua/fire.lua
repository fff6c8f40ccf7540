-- include: admit.lua

-- Enqueues the job of one slot of a schedule.
-- KEYS  prefix
-- ARGV  schedule, slot
--       job: msgpack array of one row and `more` (see admit.lua)
-- Returns 1 if this slot is the last one fired, with this job; else 0.
-- Guarantee: recording the slot and enqueueing are one step; a slot at or before the last one, or more than a second
--            ahead of the store's clock, changes nothing; refused at `maxmemory`.
local HASTE = 1
local schedule, slot = ARGV[1], tonumber(ARGV[2])
local rows, more = unpack(cmsgpack.unpack(ARGV[3]))
local last = redis.call('HGET', SLOTS, schedule)
if last then
  local last_slot, job = string.match(last, '^(%S+) (.*)$')
  if slot <= tonumber(last_slot) then
    return slot == tonumber(last_slot) and job == rows[1] and 1 or 0
  end
end
if slot > now + HASTE then
  return 0
end
redis.call('HSET', SLOTS, schedule, ARGV[2] .. ' ' .. rows[1])
admit(rows, more, {})
return 1
