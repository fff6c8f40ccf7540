-- include: unique.lua

-- Lets later stages wait, of which only the ids are known.
local function set_aside(awaits)
  local ids, records, places = {}, {}, {}
  for id, job in pairs(awaits) do
    ids[#ids + 1], records[#records + 1] = id, ''
    append(places, { id, job })
  end
  store(ids, records)
  send('HSET', WAITING, places)
end

-- Keeps what few jobs have.
local function keep_few(ids, answers, more)
  for n, few in pairs(more) do
    if answers[n] == ACCEPTED and few.unique then
      take_key(ids[n], few.unique)
    end
    if answers[n] == ACCEPTED and few.waits then
      redis.call('HSET', STAGES, ids[n], cmsgpack.pack(few.waits))
    end
  end
end

-- Gives up the places that were waited in by those that have come.
local function leave_places(ids, answers, open)
  local taken = {}
  for n, id in ipairs(ids) do
    if answers[n] == ACCEPTED and open[id] then
      taken[#taken + 1] = id
    end
  end
  send('HDEL', WAITING, taken)
  send('HDEL', STAGES, taken)
  free_keys(taken)
end

-- Keeps what few jobs have; those that have come give up the places in which they waited.
local function admit_few(ids, answers, more, open, awaits)
  leave_places(ids, answers, open)
  keep_few(ids, answers, more)
  set_aside(awaits)
end
