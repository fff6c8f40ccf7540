-- include: admit.lua
-- include: news.lua

-- Stores new jobs and wakes a waiter; stores the callbacks of chords, which wait.
-- KEYS  prefix
-- ARGV  jobs: msgpack array of rows and `more` (see admit.lua)
--       chords, if there are any: msgpack array of the callbacks' rows, their `more`, the numbers of their values,
--       and for each the ids of its members
-- Returns 0 accepted, 1 present or 2 finished for each job; position, id, position, ... of the jobs of which another
--         has the unique key; how many hear of events. Or nothing but the id of a member that is there already.
-- Guarantee: all or nothing; a job that is there or remembered is left alone; refused at `maxmemory`.
if ARGV[2] then
  -- include: enqueue_chords.lua
  local known = admit_chords(unpack(cmsgpack.unpack(ARGV[2])))
  if known then
    return { known }
  end
end
local rows, more = unpack(cmsgpack.unpack(ARGV[1]))
local answers, holders = admit(rows, more, {})
local others = {}
for n, id in pairs(holders) do
  append(others, { n, id })
end
return { answers, others, hearers() }
