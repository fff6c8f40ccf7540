-- include: clock.lua

-- The notes of a job: each is when all of them end if it is the last one (double), its number (uint32), its data. Times
-- follow the store's clock with its offset; the key's own ttl only collects garbage.
local function notes_key(id)
  return AQ .. 'n:' .. epoch .. ':' .. id
end

-- Returns the number of the last note, 0 if there is none.
local function last_number(id)
  local last = redis.call('LINDEX', notes_key(id), -1)
  if not last then
    return 0
  end
  local ends, number = struct.unpack('>dI4', last)
  return now < ends and number or 0
end
