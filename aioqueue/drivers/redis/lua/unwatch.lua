-- include: full.lua
-- include: waiters.lua

-- Forgets a listener's registrations.
-- KEYS  prefix
-- ARGV  listener, ids: msgpack array
-- Returns nothing.
-- Guarantee: other listeners' registrations stay as they are; passes at `maxmemory`.
local listener, keys = ARGV[1], waiters_keys(cmsgpack.unpack(ARGV[2]))
pass_when_full()
for n, listeners in ipairs(string_values(keys)) do
  local others = {}
  for other in string.gmatch(listeners or '', '[^,]+') do
    if other ~= listener then
      others[#others + 1] = other
    end
  end
  if #others > 0 then
    redis.call('SET', keys[n], table.concat(others, ','), 'KEEPTTL')
  elseif listeners then
    redis.call('DEL', keys[n])
  end
end
