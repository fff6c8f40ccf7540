-- include: clock.lua
-- include: lines.lua

-- A queued job that ends leaves its id in its line: to find it there would take long, and whatever stands before it
-- must keep its distance from the back. Such a stale id has no record and is passed over. It never stands at the head, so
-- that a line which is there holds a job.
local function count_stale(name, change)
  redis.call('HINCRBY', META, 'stale:' .. name, change)
  redis.call('HINCRBY', META, 'stale', change)
end

-- Forgets ids that were popped from a line.
local function forget_stale(name, ids)
  local forgotten = 0
  for first = 1, #ids, CHUNK do
    forgotten = forgotten + redis.call('HDEL', GONE, unpack(ids, first, math.min(first + CHUNK - 1, #ids)))
  end
  if forgotten > 0 then
    count_stale(name, -forgotten)
  end
end

local function clear_head(name)
  local head = redis.call('LINDEX', AQ .. name, 0)
  while head and redis.call('HDEL', GONE, head) == 1 do
    redis.call('LPOP', AQ .. name)
    count_stale(name, -1)
    head = redis.call('LINDEX', AQ .. name, 0)
  end
end

-- Makes the id of a job that ends a stale one.
local function leave_in_line(id, record)
  local name = line_of(id, record)
  redis.call('HSET', GONE, id, name)
  count_stale(name, 1)
  clear_head(name)
end
