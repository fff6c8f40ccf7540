-- include: describe.lua
-- include: ranks.lua

-- KEYS  prefix
-- ARGV  cursor: score and id of the last job shown; limit
-- Returns the cursor that continues ('' at the end) and rows as in describe.lua, by due time.
-- Guarantee: writes nothing. A job that stays scheduled throughout is shown once.
local score, member = string.match(ARGV[1], '^(%S+) (.*)$')
local start, limit = score and members_up_to(SCHEDULE, score, member) or 0, tonumber(ARGV[2])
local ids = redis.call('ZRANGE', SCHEDULE, start, start + limit - 1)
return { #ids == limit and cursor_at(SCHEDULE, ids[#ids]) or '', describe(ids) }
