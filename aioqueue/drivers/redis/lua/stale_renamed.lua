-- Gives what is left of earlier jobs another name, so that it is not taken for the new ones of these ids.
local function rename_stale(ids)
  for n, name in ipairs(hash_values(GONE, ids)) do
    if name then
      local other = 'gone:' .. redis.call('HINCRBY', META, 'token', 1)
      redis.call('LSET', AQ .. name, redis.call('LPOS', AQ .. name, ids[n]), other)
      redis.call('HDEL', GONE, ids[n])
      redis.call('HSET', GONE, other, name)
    end
  end
end
