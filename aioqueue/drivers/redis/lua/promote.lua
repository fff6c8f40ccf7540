-- include: lines.lua
-- include: schedule.lua

-- Queues scheduled jobs that are due, the earliest first, and wakes a waiter.
-- KEYS  prefix
-- ARGV  limit
-- Returns in how many seconds the next scheduled job is due, as text; empty if none is scheduled.
-- Guarantee: passes at `maxmemory`.
local due = redis.call('ZRANGEBYSCORE', SCHEDULE, '-inf', now, 'LIMIT', 0, ARGV[1])
send('ZREM', SCHEDULE, due)
queue_at_back(due, hash_values(JOBS, due))
return due_in()
