-- include: keys.lua

local function news_channel(topic)
  return AQ .. 'news:' .. topic
end

-- Returns how many connections subscribe to the topic of events.
local function hearers()
  return redis.call('PUBSUB', 'NUMSUB', news_channel('events'))[2]
end
