-- include: clock.lua
-- include: chunks.lua

-- A mark on a target: until (double), when it ends by that or by its ttl (double), whether it holds once (uint8),
-- serial (double). Times follow the store's clock with its offset; the keys' own ttl only collects garbage.

-- Returns the mark that holds for each target, false where there is none.
local function marks_on(targets)
  local marks = hash_values(REVOKED, targets)
  for n, mark in ipairs(marks) do
    if mark and struct.unpack('>d', mark, 9) <= now then
      marks[n] = false
    end
  end
  return marks
end

local function unmark(targets)
  send('HDEL', REVOKED, targets)
  send('ZREM', REVOKED_UNTIL, targets)
end

local function forget_lapsed_marks()
  unmark(redis.call('ZRANGEBYSCORE', REVOKED_UNTIL, '-inf', exact(now)))
end

-- Tells whether there is the mark of that serial, or one that holds for good in its place; and whether it holds once.
local function serves(target, serial)
  local mark = marks_on({ target })[1]
  if not mark then
    return false
  end
  local once, number = struct.unpack('>Bd', mark, 17)
  return once == 0 or number == serial, once == 1
end

-- Removes a mark that holds once, if it is still the one of that serial.
local function use_up(target, serial)
  local there, once = serves(target, serial)
  if there and once then
    unmark({ target })
  end
end
