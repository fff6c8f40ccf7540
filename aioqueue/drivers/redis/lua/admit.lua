-- include: lines.lua
-- include: schedule.lua
-- include: results.lua

-- New jobs come as rows: id, record, eta, delay, expires_in, id, ..., and `more`: position of the job (from 1) -> map
-- of what few jobs have: unique, waits (ids).
local ACCEPTED, PRESENT, FINISHED = 0, 1, 2
local ROW, NOTHING = 5, {}

-- A record that did not expire, with its expiry fixed as an absolute time.
local function expiring(record, expires_in)
  if expires_in == 0 then
    return record
  end
  local rank = string.char(string.byte(record, 1) + EXPIRES)
  return rank .. struct.pack('>d', now + expires_in) .. string.sub(record, 2)
end

local function ids_of(rows)
  local ids = {}
  for at = 1, #rows, ROW do
    ids[#ids + 1] = rows[at]
  end
  return ids
end

-- Judges new jobs; `open` are the ids that wait and whose places may be taken, as id -> true. Writes nothing.
-- Returns ids; an admission for each; by position the id that has the job's unique key; stage -> job it will wait for.
local function judge(rows, more, open)
  local ids = ids_of(rows)
  local stored, remembered = hash_values(JOBS, ids), result_values(ids)
  local answers, holders, awaits, fresh, taken_keys = {}, {}, {}, {}, {}
  for n, id in ipairs(ids) do
    local few = more[n] or NOTHING
    local holder = few.unique and (taken_keys[few.unique] or redis.call('HGET', UNIQUE, few.unique))
    if fresh[id] or ((stored[n] or awaits[id]) and not open[id]) then
      answers[n] = PRESENT
    elseif told(remembered[n]) then
      answers[n] = FINISHED
    elseif holder and holder ~= id then
      answers[n], holders[n] = PRESENT, holder
    else
      answers[n], fresh[id], awaits[id] = ACCEPTED, true, nil
      if few.unique then
        taken_keys[few.unique] = id
      end
      if few.waits then
        -- include: admit_stages.lua
        find_stages(few.waits, id, fresh, awaits)
      end
    end
  end
  return ids, answers, holders, awaits
end

local function store(ids, records)
  local pairs_to_store = {}
  for n, id in ipairs(ids) do
    pairs_to_store[n * 2 - 1], pairs_to_store[n * 2] = id, records[n]
  end
  send('HSET', JOBS, pairs_to_store)
  if stale > 0 then
    -- include: stale_renamed.lua
    rename_stale(ids)
  end
end

-- Stores new jobs, in the place that is open for them where there is one. Returns an admission for each, and by
-- position the id of another job that has the unique key.
local function admit(rows, more, open)
  local ids, answers, holders, awaits = judge(rows, more, open)
  local accepted, records, ready, ready_records, scheduled = {}, {}, {}, {}, {}
  for n, id in ipairs(ids) do
    if answers[n] == ACCEPTED then
      local at = n * ROW - ROW + 1
      local record, due = expiring(rows[at + 1], rows[at + 4]), due_time(rows[at + 2], rows[at + 3])
      accepted[#accepted + 1], records[#records + 1] = id, record
      if due > 0 then
        append(scheduled, { due, id })
      else
        ready[#ready + 1], ready_records[#ready_records + 1] = id, record
      end
    end
  end
  store(accepted, records)
  if next(more) or next(open) then
    -- include: admit_few.lua
    admit_few(ids, answers, more, open, awaits)
  end
  queue_at_back(ready, ready_records)
  put_on_schedule(scheduled)
  return answers, holders
end
