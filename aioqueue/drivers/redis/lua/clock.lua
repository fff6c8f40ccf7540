-- include: keys.lua

-- The store's time with its test-only offset, in seconds, and the epoch that `flush` ends.
local clock = redis.call('TIME')
local moved = redis.call('HMGET', META, 'offset', 'epoch')
local now = clock[1] + clock[2] / 1000000 + (moved[1] or 0)
local epoch = moved[2] or '0'

-- Redis cuts a number in an answer to an integer, so times travel as text.
local function seconds(time)
  return string.format('%.6f', time)
end
