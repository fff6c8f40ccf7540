-- include: keys.lua

-- Only a token that nobody needs lives as long as this: a worker that comes later looks for work before it waits.
local WAKE_TTL = 3600000
local MOST_WAITERS = 1000

-- Ends the wait of one waiter, or the next wait if nobody waits now.
local function wake()
  if redis.call('EXISTS', WAKE) == 0 then
    redis.call('RPUSH', WAKE, '')
    redis.call('PEXPIRE', WAKE, WAKE_TTL)
  end
end

-- Ends every wait. The caller then cuts the list to the one token that may stay.
local function wake_all()
  local tokens = {}
  for n = 1, MOST_WAITERS do
    tokens[n] = ''
  end
  redis.call('RPUSH', WAKE, unpack(tokens))
  redis.call('PEXPIRE', WAKE, WAKE_TTL)
end
