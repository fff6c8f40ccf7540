-- include: deadletters.lua
-- include: ranks.lua

-- KEYS  prefix
-- ARGV  cursor: score and id of the last dead letter shown; limit
-- Returns the cursor that continues ('' at the end) and rows of id and dead letter, the newest first.
-- Guarantee: writes nothing. A dead letter that stays throughout is shown once.
local score, member = string.match(ARGV[1], '^(%S+) (.*)$')
local limit = tonumber(ARGV[2])
local before = redis.call('ZCARD', DEAD_AT)
if score then
  -- The member at the cursor, if it is still there, is the last of those up to it.
  before = members_up_to(DEAD_AT, score, member)
  local last = before > 0 and redis.call('ZRANGE', DEAD_AT, before - 1, before - 1)[1]
  before = last == member and before - 1 or before
end
local first = math.max(before - limit, 0)
local ids = before > 0 and redis.call('ZRANGE', DEAD_AT, first, before - 1) or {}
local rows = {}
for n = #ids, 1, -1 do
  local letter = dead_letter(ids[n])
  if letter then
    rows[#rows + 1] = { ids[n], letter }
  end
end
return { first > 0 and cursor_at(DEAD_AT, ids[1]) or '', rows }
