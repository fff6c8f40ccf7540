-- include: full.lua
-- include: marks.lua
-- include: lifetime.lua

-- Puts a mark on a target, in place of one that is there; the mark of a live job lasts as long as the job.
-- KEYS  prefix
-- ARGV  target, until, once (0 or 1), ttl; zero means absent for both times
-- Returns nothing.
-- Guarantee: a mark has a serial that no other had; passes at `maxmemory`.
local target, holds_until, once, ttl = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local job = string.match(target, '^job:(.*)$')
if job and redis.call('HEXISTS', JOBS, job) == 1 then
  ttl = 0
end
local ends = math.min(holds_until > 0 and holds_until or math.huge, ttl > 0 and now + ttl or math.huge)
pass_when_full()
forget_lapsed_marks()
local serial = redis.call('HINCRBY', META, 'serial', 1)
redis.call('HSET', REVOKED, target, struct.pack('>ddBd', holds_until, ends, once, serial))
redis.call('ZADD', REVOKED_UNTIL, ends == math.huge and '+inf' or exact(ends), target)
local last = tonumber(redis.call('ZRANGE', REVOKED_UNTIL, -1, -1, 'WITHSCORES')[2])
for _, key in ipairs({ REVOKED, REVOKED_UNTIL }) do
  if last == math.huge then
    redis.call('PERSIST', key)
  else
    redis.call('PEXPIRE', key, lifetime(last - now))
  end
end
