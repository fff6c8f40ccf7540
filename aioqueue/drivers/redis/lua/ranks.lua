-- include: keys.lua

-- Compares as sorted sets do, byte by byte; Lua's own `<=` follows the server's locale.
local function not_after(one, other)
  for at = 1, math.min(#one, #other) do
    local left, right = string.byte(one, at), string.byte(other, at)
    if left ~= right then
      return left < right
    end
  end
  return #one <= #other
end

-- Returns how many members of a sorted set stand before (score, member), or at it; that one itself may be gone.
local function members_up_to(key, score, member)
  local low = redis.call('ZCOUNT', key, '-inf', '(' .. score)
  local high = redis.call('ZCOUNT', key, '-inf', score)
  while low < high do
    local middle = math.floor((low + high) / 2)
    if not_after(redis.call('ZRANGE', key, middle, middle)[1], member) then
      low = middle + 1
    else
      high = middle
    end
  end
  return low
end

-- Returns the cursor that stands at a member: its score and itself.
local function cursor_at(key, member)
  return redis.call('ZSCORE', key, member) .. ' ' .. member
end
