-- include: clock.lua
-- include: chunks.lua
-- include: wake.lua

-- Returns when the next scheduled job is due, false if none is scheduled.
local function next_due()
  local head = redis.call('ZRANGE', SCHEDULE, 0, 0, 'WITHSCORES')
  return head[2] and tonumber(head[2])
end

-- Returns in how many seconds the next scheduled job is due, as text; empty if none is scheduled.
local function due_in()
  local due = next_due()
  return due and seconds(math.max(0, due - now)) or ''
end

-- Returns when a job is due that was asked for at `eta`, else after `delay` seconds; 0 for now.
local function due_time(eta, delay)
  local due = eta
  if due == 0 and delay > 0 then
    due = now + delay
  end
  return due > now and due or 0
end

-- Puts jobs on the schedule, given as due, id, due, id, ...; one that is due before all others wakes a waiter.
local function put_on_schedule(entries)
  if #entries == 0 then
    return
  end
  local before, soonest = next_due(), math.huge
  for at = 1, #entries, 2 do
    soonest = math.min(soonest, entries[at])
  end
  send('ZADD', SCHEDULE, entries)
  if not before or soonest < before then
    wake()
  end
end
