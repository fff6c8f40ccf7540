-- include: results.lua
-- include: deadletters.lua

-- KEYS  prefix
-- ARGV  id
-- Returns 0 unknown, 1 succeeded, 2 failed, 3 cancelled, 4 expired, 5 running, 6 scheduled, 7 queued.
-- Guarantee: writes nothing, reads no payload.
local UNKNOWN, FAILED, RUNNING, SCHEDULED, QUEUED = 0, 2, 5, 6, 7
local id = ARGV[1]
if redis.call('HEXISTS', JOBS, id) == 1 then
  if redis.call('HEXISTS', OWNER, id) == 1 then
    return RUNNING
  end
  local later = redis.call('ZSCORE', SCHEDULE, id) or redis.call('HEXISTS', WAITING, id) == 1
  return later and SCHEDULED or QUEUED
end
local head = redis.call('GETRANGE', result_key(id), 0, HEAD_SIZE - 1)
local body = head ~= '' and told(head)
if body then
  return string.byte(body, 1)
end
return dead_letter(id) and FAILED or UNKNOWN
