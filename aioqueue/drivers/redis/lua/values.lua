-- include: clock.lua
-- include: lifetime.lua

-- The key-value store. A value is kept behind the time at which it ends; the key's own ttl only collects garbage.
local function value_key(key)
  return AQ .. 'kv:' .. key
end

-- Returns a value and when it ends (0: never), false if there is none.
local function value_of(key)
  local kept = redis.call('GET', value_key(key))
  if not kept then
    return false
  end
  local ends = struct.unpack('>d', kept)
  if ends > 0 and ends <= now then
    return false
  end
  return string.sub(kept, 9), ends
end

local function keep_value(key, value, ttl)
  if ttl > 0 then
    redis.call('SET', value_key(key), struct.pack('>d', now + ttl) .. value, 'PX', lifetime(ttl))
  else
    redis.call('SET', value_key(key), struct.pack('>d', 0) .. value)
  end
end
