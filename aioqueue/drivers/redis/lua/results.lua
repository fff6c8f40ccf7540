-- include: clock.lua
-- include: chunks.lua

-- What the store remembers of a finished job: two doubles, until when the outcome and until when the state is told; the
-- tokens of the settles after which it had run again, with their length (uint16); the body: state (uint8), token of the
-- last settle (double), outcome. Times follow the store's clock with its offset; the key's own ttl only collects garbage.
local DONE_MARKER_TTL = 600
local STATE_SIZE, HEAD_SIZE = 9, 512

local function result_key(id)
  return AQ .. 'r:' .. epoch .. ':' .. id
end

local function result_values(ids)
  local keys = {}
  for n, id in ipairs(ids) do
    keys[n] = result_key(id)
  end
  return string_values(keys)
end

-- Returns the body that may be told now, without its outcome when that is over; false if nothing may.
local function told(value)
  if not value then
    return false
  end
  local outcome_until, state_until, length, body = struct.unpack('>ddH', value)
  body = body + length
  if now < outcome_until then
    return string.sub(value, body)
  end
  return now < state_until and string.sub(value, body, body + STATE_SIZE - 1)
end

local function holds_token(tokens, token)
  return tokens and string.find(tokens, ' ' .. token .. ' ', 1, true) ~= nil
end

-- Tells whether a settle with this token made the result, or came before it and had the job run again.
local function knows_token(value, token)
  if not value then
    return false
  end
  local _, _, tokens, body = struct.unpack('>ddHc0', value)
  return struct.unpack('>d', value, body + 1) == token or holds_token(tokens, token)
end
