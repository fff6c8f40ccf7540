-- include: deadletters.lua

-- The part of a settle that keeps dead letters.
local function bury_finished()
  local buried = false
  for _, n in ipairs(finished) do
    local reason = extras[n] and extras[n].reason
    local record = reason and redis.call('HGET', JOBS, ids[n])
    if record then
      bury(ids[n], record, tonumber(redis.call('HGET', DELIVERIES, ids[n]) or 0), reason)
      buried = true
    end
  end
  if buried then
    prune_dead()
  end
end
