-- include: lines.lua
-- include: records_parts.lua
-- include: schedule.lua

-- The part of a settle after which the same job runs again.
local REPEATS_SIZE = 256

-- Remembers that this settle was done, so that its repeat is not taken for a lost claim; the oldest is forgotten.
local function remember_token(id, token)
  local tokens = (redis.call('HGET', AGAIN, id) or ' ') .. token .. ' '
  if #tokens > REPEATS_SIZE then
    tokens = string.sub(tokens, string.find(tokens, ' ', 2, true), -1)
  end
  redis.call('HSET', AGAIN, id, tokens)
end

local COUNTERS = { delivery = DELIVERIES, deferral = DEFERRALS }

-- Writes what changes in a job that runs again; returns its record.
local function renew_record(id, token, counts, payload)
  local record = redis.call('HGET', JOBS, id)
  if record and payload then
    local _, at = parts_of(record)
    record = string.sub(record, 1, (at or 1) - 1) .. payload
    redis.call('HSET', JOBS, id, record)
  end
  if COUNTERS[counts] then
    redis.call('HINCRBY', COUNTERS[counts], id, 1)
  end
  remember_token(id, token)
  return record
end

local function run_again()
  local ready, records, scheduled = {}, {}, {}
  for _, n in ipairs(again) do
    local id, more = ids[n], extras[n]
    local record, due = renew_record(id, tokens[n], more.again[1], more.payload), due_time(more.again[2], more.again[3])
    if record and due > 0 then
      append(scheduled, { due, id })
    elseif record then
      ready[#ready + 1], records[#records + 1] = id, record
    end
  end
  queue_at_back(ready, records)
  put_on_schedule(scheduled)
end
