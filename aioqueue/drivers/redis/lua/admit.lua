-- include: lines.lua
-- include: schedule.lua
-- include: results.lua

local ACCEPTED, PRESENT, FINISHED = 0, 1, 2

-- A record with its expiry fixed as an absolute time.
local function expiring(record, expires_in)
  if expires_in == 0 then
    return record
  end
  return string.sub(record, 1, 1) .. struct.pack('>d', now + expires_in) .. string.sub(record, 10)
end

-- Stores new jobs, given as id, record, eta, delay, expires_in, id, ...; returns an admission for each.
local function admit(rows)
  local ids, answers = {}, {}
  for at = 1, #rows, 5 do
    ids[#ids + 1] = rows[at]
  end
  local stored, remembered = hash_values(JOBS, ids), result_values(ids)
  local pairs_to_store, ready, records, scheduled, fresh = {}, {}, {}, {}, {}
  for n, id in ipairs(ids) do
    if stored[n] or fresh[id] then
      answers[n] = PRESENT
    elseif told(remembered[n]) then
      answers[n] = FINISHED
    else
      local at = n * 5 - 4
      local record, due = expiring(rows[at + 1], rows[at + 4]), due_time(rows[at + 2], rows[at + 3])
      fresh[id], answers[n] = true, ACCEPTED
      pairs_to_store[#pairs_to_store + 1] = id
      pairs_to_store[#pairs_to_store + 1] = record
      if due > 0 then
        scheduled[#scheduled + 1] = due
        scheduled[#scheduled + 1] = id
      else
        ready[#ready + 1] = id
        records[#records + 1] = record
      end
    end
  end
  send('HSET', JOBS, pairs_to_store)
  queue_at_back(ready, records)
  put_on_schedule(scheduled)
  return answers
end
