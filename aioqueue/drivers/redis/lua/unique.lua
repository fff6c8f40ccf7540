-- include: chunks.lua
-- include: keys.lua

local function take_key(id, key)
  redis.call('HSET', UNIQUE, key, id)
  redis.call('HSET', KEYED, id, key)
end

-- Frees the unique keys that these jobs have.
local function free_keys(ids)
  for n, key in ipairs(hash_values(KEYED, ids)) do
    if key then
      redis.call('HDEL', UNIQUE, key)
      redis.call('HDEL', KEYED, ids[n])
    end
  end
end
