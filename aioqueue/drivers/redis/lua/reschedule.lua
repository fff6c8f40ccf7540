-- include: lines.lua
-- include: schedule.lua

-- Gives a scheduled job another due time; one that is due is queued.
-- KEYS  prefix
-- ARGV  id, eta, delay
-- Returns 1 if it was scheduled, else 0.
-- Guarantee: one step; passes at `maxmemory`.
local id, due = ARGV[1], due_time(tonumber(ARGV[2]), tonumber(ARGV[3]))
if redis.call('ZREM', SCHEDULE, id) == 0 then
  return 0
end
if due > 0 then
  put_on_schedule({ due, id })
else
  queue_at_back({ id }, { redis.call('HGET', JOBS, id) })
end
return 1
