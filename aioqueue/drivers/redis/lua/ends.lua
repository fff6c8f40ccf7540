-- include: ending.lua
-- include: waiting.lua

-- Ends those that wait of the jobs given as id, body, result_ttl, id, ...
local function end_waiting(ends)
  local ids = {}
  for at = 1, #ends, 3 do
    ids[#ids + 1] = ends[at]
  end
  local waiting, ended, bodies, ttls = waiting_among(ids), {}, {}, {}
  for n, id in ipairs(ids) do
    if waiting[id] then
      waiting[id] = nil
      local place = #ended + 1
      ended[place], bodies[place], ttls[place] = id, ends[n * 3 - 1], ends[n * 3]
    end
  end
  if #ended > 0 then
    send('HDEL', WAITING, ended)
    end_jobs(ended, bodies, ttls)
  end
end

-- Drops the stages that have nothing to wait for any more; to be called when all that follows from the ends is done.
local function abandon_the_rest()
  abandon_stages(awaited)
end
