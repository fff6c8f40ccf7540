-- include: describe.lua
-- include: lines.lua

-- KEYS  prefix
-- ARGV  cursor: number of the line, ids left in it, ids ever pushed to its back; limit
-- Returns the cursor that continues ('' at the end) and rows as in describe.lua, in line order.
-- Guarantee: writes nothing. A job that stays queued throughout is shown once: lines lose ids at the head and win them
--            there or, counted, at the back, so that the distance from the back tells where to go on.
local at, left, pushed_before = string.match(ARGV[1], '^(%d+) (%d+) (%d+)$')
local line, limit = tonumber(at or 1), tonumber(ARGV[2])
local names = append(lines_of(SUSPECTS), lines_of(READY))

local function pushed_to(name)
  return tonumber(redis.call('HGET', META, 'pushed:' .. name) or 0)
end

local function start_of(name, length)
  if not left then
    return 0
  end
  return math.max(0, length - (left + pushed_to(name) - pushed_before))
end

local queued = {}
while line <= #names do
  local name = names[line]
  local length = redis.call('LLEN', AQ .. name)
  local start = start_of(name, length)
  local shown = redis.call('LRANGE', AQ .. name, start, start + limit - #queued - 1)
  append(queued, shown)
  if #queued >= limit then
    local cursor = line .. ' ' .. (length - start - #shown) .. ' ' .. pushed_to(name)
    return { cursor, describe(queued) }
  end
  line, left = line + 1, nil
end
return { '', describe(queued) }
