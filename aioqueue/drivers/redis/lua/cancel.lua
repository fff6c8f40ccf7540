-- include: full.lua
-- include: ends.lua
-- include: stale.lua
-- include: deadletters.lua

-- Ends a job that does not run, and others that wait; keeps the request for the end of one that runs.
-- KEYS  prefix
-- ARGV  id, body, result_ttl
--       ends: msgpack array id, body, result_ttl, id, ...
-- Returns 0 cancelled, 1 asked, 2 finished or 3 unknown.
-- Guarantee: one step; passes at `maxmemory`.
local CANCELLED, ASKED, FINISHED, UNKNOWN = 0, 1, 2, 3
local id, body, ttl = ARGV[1], ARGV[2], tonumber(ARGV[3])
local record, owner = redis.call('HGET', JOBS, id), redis.call('HGET', OWNER, id)

local function withdraw()
  local waited = redis.call('HDEL', WAITING, id) == 1
  if not waited and redis.call('ZREM', SCHEDULE, id) == 0 then
    leave_in_line(id, record)
  end
end

if not record then
  local remembered = told(result_values({ id })[1]) or dead_letter(id)
  return remembered and FINISHED or UNKNOWN
end
pass_when_full()
if owner then
  local request = cmsgpack.pack({ body, ttl, cmsgpack.unpack(ARGV[4]) })
  redis.call('HSET', unwanted_key(string.match(owner, '^(.*) %S+$')), id, request)
  return ASKED
end
withdraw()
end_jobs({ id }, { body }, { ttl })
end_waiting(cmsgpack.unpack(ARGV[4]))
abandon_the_rest()
return CANCELLED
