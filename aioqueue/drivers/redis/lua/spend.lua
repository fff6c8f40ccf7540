-- include: full.lua
-- include: clock.lua
-- include: lifetime.lua

-- Takes one of `limit` uses in any `per` seconds. The key holds the times of the last `limit` uses.
-- KEYS  prefix
-- ARGV  name, limit, per
-- Returns in how many seconds there is a use, as text; '0' if one was taken.
-- Guarantee: no window of `per` seconds sees more than `limit` uses; a refusal writes nothing; passes at `maxmemory`.
local key, limit, per = AQ .. 'rate:' .. epoch .. ':' .. ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local oldest = redis.call('LINDEX', key, -limit)
if oldest and oldest + per > now then
  return exact(oldest + per - now)
end
pass_when_full()
redis.call('RPUSH', key, exact(now))
redis.call('LTRIM', key, -limit, -1)
redis.call('PEXPIRE', key, lifetime(per))
return '0'
