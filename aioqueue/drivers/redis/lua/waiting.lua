-- include: chunks.lua
-- include: keys.lua

-- Jobs that wait for others to end: they have a record and stand on no shelf. The callback of a chord waits for its
-- members; a later stage, of which only the id is known, for the one job that has it among its stages.

-- Returns which of these ids wait, as id -> true.
local function waiting_among(ids)
  local waiting = {}
  if redis.call('EXISTS', WAITING) == 1 then
    for n, awaited in ipairs(hash_values(WAITING, ids)) do
      waiting[ids[n]] = awaited and true
    end
  end
  return waiting
end

-- Drops the stages that still wait for one of these jobs, which have ended.
local function abandon_stages(ids)
  for n, stages in ipairs(hash_values(STAGES, ids)) do
    local abandoned = {}
    if stages then
      stages = cmsgpack.unpack(stages)
      redis.call('HDEL', STAGES, ids[n])
      for at, awaited in ipairs(hash_values(WAITING, stages)) do
        if awaited == ids[n] then
          abandoned[#abandoned + 1] = stages[at]
        end
      end
    end
    if #abandoned > 0 then
      -- include: marks_forgotten.lua
      send('HDEL', WAITING, abandoned)
      send('HDEL', JOBS, abandoned)
      forget_marks(abandoned)
    end
  end
end
