-- include: keys.lua

-- The store's time with its test-only offset, in seconds; the epoch that `flush` ends; whether the queue is paused; how
-- many stale ids stand in its lines (see stale.lua).
local clock = redis.call('TIME')
local moved = redis.call('HMGET', META, 'offset', 'epoch', 'paused', 'stale')
local now = clock[1] + clock[2] / 1000000 + (moved[1] or 0)
local epoch = moved[2] or '0'
local paused, stale = moved[3], tonumber(moved[4] or 0)

-- Redis cuts a number in an answer to an integer, so times travel as text.
local function seconds(time)
  return string.format('%.6f', time)
end

-- A time to compare with or to keep, in full precision.
local function exact(time)
  return string.format('%.17g', time)
end
