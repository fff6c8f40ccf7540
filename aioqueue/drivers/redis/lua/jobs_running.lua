-- include: describe.lua

-- KEYS  prefix
-- ARGV  cursor: id of the last job shown; limit
-- Returns the cursor that continues ('' at the end) and rows as in describe.lua, by id.
-- Guarantee: writes nothing. A job that runs throughout is shown once.
local cursor, limit = ARGV[1], tonumber(ARGV[2])
local after, ids = {}, {}
for _, id in ipairs(redis.call('HKEYS', OWNER)) do
  if id > cursor then
    after[#after + 1] = id
  end
end
table.sort(after)
for n = 1, math.min(limit, #after) do
  ids[n] = after[n]
end
return { #after > limit and ids[#ids] or '', describe(ids) }
