-- include: admit.lua
-- include: deadletters.lua

-- Removes a dead letter and enqueues a job in its stead.
-- KEYS  prefix
-- ARGV  id of the dead letter
--       job: msgpack array of one row and `more` (see admit.lua)
-- Returns 1 if the job is there, else 0: nothing was changed.
-- Guarantee: one step; refused at `maxmemory`.
local id, rows, more = ARGV[1], unpack(cmsgpack.unpack(ARGV[2]))

local function is_there()
  return redis.call('HEXISTS', JOBS, rows[1]) == 1 or told(result_values({ rows[1] })[1])
end

if not dead_letter(id) then
  return is_there() and 1 or 0
end
local answers, holders = admit(rows, more, {})
if answers[1] == FINISHED or holders[1] then
  return 0
end
forget_dead({ id })
return 1
