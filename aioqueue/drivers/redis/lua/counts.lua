-- include: deadletters.lua
-- include: stale.lua

-- KEYS  prefix
-- Returns how many jobs are queued, scheduled, running, dead.
-- Guarantee: writes nothing.
local queued = -stale
for _, name in ipairs(append(lines_of(SUSPECTS), lines_of(READY))) do
  queued = queued + redis.call('LLEN', AQ .. name)
end
return {
  queued,
  redis.call('ZCARD', SCHEDULE),
  redis.call('HLEN', OWNER),
  redis.call('ZCOUNT', DEAD_AT, '(' .. seconds(now - DEAD_LETTER_TTL), '+inf'),
}
