-- include: clock.lua
-- include: lifetime.lua

-- The places of locks and semaphores. Times follow the store's clock with its offset; the keys' own ttl only collects
-- garbage.
local function lock_key(name)
  return AQ .. 'lock:' .. epoch .. ':' .. name
end

local function places_taken(name)
  return redis.call('ZCOUNT', lock_key(name), '(' .. exact(now), '+inf')
end

local function holds(name, owner)
  return tonumber(redis.call('ZSCORE', lock_key(name), owner) or 0) > now
end

-- Drops what has ended, and lets the key end with what is left. Returns when that is, nil if nothing is left.
local function trim(key)
  redis.call('ZREMRANGEBYSCORE', key, '-inf', exact(now))
  local last = redis.call('ZRANGE', key, -1, -1, 'WITHSCORES')[2]
  if last then
    redis.call('PEXPIRE', key, lifetime(last - now))
  end
  return last
end

-- Writes down until when a lock is held at all.
local function note_end(name)
  local last = trim(lock_key(name))
  if last then
    redis.call('ZADD', LOCKS, last, name)
  else
    redis.call('ZREM', LOCKS, name)
  end
  trim(LOCKS)
end

local function hold(name, owner, ttl)
  redis.call('ZADD', lock_key(name), exact(now + ttl), owner)
  note_end(name)
end
