-- include: full.lua
-- include: waiters.lua
-- include: deadletters.lua
-- include: results_portion.lua
-- include: lifetime.lua

-- Returns the results that are there, and registers a listener for jobs that have yet to finish.
-- KEYS  prefix
-- ARGV  listener, ttl, ids: msgpack array
-- Returns the body of each result, nil for a job that is now watched; a job without a trace has a body with state 0.
--         For as many of the ids, and at least one, as make a portion; the others are not watched.
-- Guarantee: one step, so that no settle can fall between the look and the registration; passes at `maxmemory`.
local UNKNOWN, FAILED = 0, 2
local listener, milliseconds, ids = ARGV[1], lifetime(tonumber(ARGV[2])), cmsgpack.unpack(ARGV[3])
local keys = waiters_keys(ids)
local waiting = string_values(keys)

local function register(key, others)
  local known = others and string.find(',' .. others .. ',', ',' .. listener .. ',', 1, true)
  local life = others and math.max(milliseconds, redis.call('PTTL', key)) or milliseconds
  local listeners = known and others or (others and others .. ',' .. listener) or listener
  redis.call('SET', key, listeners, 'PX', life)
end

pass_when_full()
local bodies = {}
for n, value in ipairs(portion_of_results(ids)) do
  if redis.call('HEXISTS', JOBS, ids[n]) == 1 then
    bodies[n] = false
    register(keys[n], waiting[n])
  else
    bodies[n] = told(value) or struct.pack('>Bd', dead_letter(ids[n]) and FAILED or UNKNOWN, 0)
  end
end
return bodies
