-- include: keys.lua

-- KEYS  prefix
-- Returns incarnation, counter, seconds, info, renewed_at of every lease.
-- Guarantee: writes nothing.
local rows = {}
for _, incarnation in ipairs(redis.call('SMEMBERS', LEASES)) do
  local lease = redis.call('HMGET', lease_key(incarnation), 'counter', 'seconds', 'info', 'renewed_at')
  if lease[1] then
    rows[#rows + 1] = { incarnation, lease[1], lease[2], lease[3], lease[4] }
  end
end
return rows
