-- include: chunks.lua
-- include: keys.lua

-- A chord lives as long as its callback, by whose id it is known.
local function chord_key(id)
  return AQ .. 'chord:' .. id
end

-- Returns what is kept of a chord beside its values.
local function chord_of(size, eta, delay, expires_in)
  if eta == 0 and delay == 0 and expires_in == 0 then
    return size
  end
  return string.format('%d %.17g %.17g %.17g', size, eta, delay, expires_in)
end

local function size_of(chord)
  return tonumber(string.match(chord, '^%d+'))
end

-- Returns eta, delay and expires_in of the callback, which count from its turn.
local function turn_of(chord)
  local eta, delay, expires_in = string.match(chord, ' (%S+) (%S+) (%S+)')
  return tonumber(eta or 0), tonumber(delay or 0), tonumber(expires_in or 0)
end

-- Keeps the value of one member; returns whether it was the last one missing.
local function add_value(chord, index, value)
  local size = size_of(redis.call('HGET', CHORDS, chord) or '0')
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
  for n, chord in ipairs(hash_values(CHORDS, callbacks)) do
    if chord then
      redis.call('HDEL', CHORDS, callbacks[n])
      redis.call('UNLINK', chord_key(callbacks[n]))
    end
  end
end
