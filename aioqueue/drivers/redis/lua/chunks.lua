-- Commands over long lists: `unpack` fails above some 8,000 values, so no call carries more than 1,000.
local CHUNK = 1000

-- Calls `command key item...` until every item has been sent.
local function send(command, key, items)
  for first = 1, #items, CHUNK do
    redis.call(command, key, unpack(items, first, math.min(first + CHUNK - 1, #items)))
  end
end

local function append(list, values)
  for _, value in ipairs(values) do
    list[#list + 1] = value
  end
  return list
end

-- Returns the value of each field, false for one that is absent.
local function hash_values(key, fields)
  if #fields > 0 and #fields <= CHUNK then
    return redis.call('HMGET', key, unpack(fields))
  end
  local values = {}
  for first = 1, #fields, CHUNK do
    append(values, redis.call('HMGET', key, unpack(fields, first, math.min(first + CHUNK - 1, #fields))))
  end
  return values
end

-- Returns the value of each string key, false for one that is absent.
local function string_values(keys)
  local values = {}
  for first = 1, #keys, CHUNK do
    append(values, redis.call('MGET', unpack(keys, first, math.min(first + CHUNK - 1, #keys))))
  end
  return values
end
