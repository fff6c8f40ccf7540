-- include: chunks.lua
-- include: keys.lua

-- A chord lives as long as its callback, by whose id it is known.
local function chord_key(id)
  return AQ .. 'chord:' .. id
end

-- Keeps the value of one member; returns whether it was the last one missing.
local function add_value(chord, index, value)
  local size = tonumber(redis.call('HGET', CHORDS, chord) or 0)
  if index < 0 or index >= size or redis.call('HEXISTS', WAITING, chord) == 0 then
    return false
  end
  return redis.call('HSETNX', chord_key(chord), index, value) == 1 and redis.call('HLEN', chord_key(chord)) == size
end

-- Returns the values of the members in their order.
local function inputs_of(chord, size)
  local flat, by_index, inputs = redis.call('HGETALL', chord_key(chord)), {}, {}
  for at = 1, #flat, 2 do
    by_index[tonumber(flat[at])] = flat[at + 1]
  end
  for index = 0, size - 1 do
    inputs[#inputs + 1] = by_index[index]
  end
  return inputs
end

local function drop_chords(callbacks)
  for n, size in ipairs(hash_values(CHORDS, callbacks)) do
    if size then
      redis.call('HDEL', CHORDS, callbacks[n])
      redis.call('UNLINK', chord_key(callbacks[n]))
    end
  end
end
