-- include: marks.lua

-- Forgets the marks of jobs that live no more.
local function forget_marks(ids)
  if redis.call('EXISTS', REVOKED) == 1 then
    local targets = {}
    for n, id in ipairs(ids) do
      targets[n] = 'job:' .. id
    end
    unmark(targets)
  end
end
