-- include: results.lua

-- Whoever waits for a job: listener ids, comma-separated.
local PUSHED_BODY, PUSHED_MESSAGE = 65536 + 9, 262144

local function waiters_key(id)
  return AQ .. 'w:' .. epoch .. ':' .. id
end

local function waiters_keys(ids)
  local keys = {}
  for n, id in ipairs(ids) do
    keys[n] = waiters_key(id)
  end
  return keys
end

-- Publishes one listener's news: length, id, length, body for each; a body that is too large to travel is left out.
local function publish(listener, news)
  local parts, size = {}, 0
  for at = 1, #news, 2 do
    local id, body = news[at], news[at + 1]
    parts[#parts + 1] = struct.pack('>I4c0I4c0', #id, id, #body <= PUSHED_BODY and #body or 0, #body <= PUSHED_BODY and body or '')
    size = size + #parts[#parts]
    if size >= PUSHED_MESSAGE or at + 2 > #news then
      redis.call('PUBLISH', AQ .. 'push:' .. listener, table.concat(parts))
      parts, size = {}, 0
    end
  end
end

-- Tells whoever waits for these jobs, and forgets the registrations.
local function tell(ids, bodies)
  local keys = waiters_keys(ids)
  local waiting, news, heard = string_values(keys), {}, {}
  for n, listeners in ipairs(waiting) do
    if listeners then
      heard[#heard + 1] = keys[n]
      for listener in string.gmatch(listeners, '[^,]+') do
        news[listener] = append(news[listener] or {}, { ids[n], bodies[n] })
      end
    end
  end
  for listener, items in pairs(news) do
    publish(listener, items)
  end
  for first = 1, #heard, CHUNK do
    redis.call('DEL', unpack(heard, first, math.min(first + CHUNK - 1, #heard)))
  end
end
