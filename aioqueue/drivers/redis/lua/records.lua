-- A record: one byte of priority + 8, of EXPIRES if it does, and of LONG for a task's name of more than 255 bytes;
-- expires_at (double) only with EXPIRES; length of the name (uint8, with LONG uint16), that name, payload.
local EXPIRES, LONG, USUAL_RANK = 16, 32, 8

local function priority_of(record)
  return (string.byte(record, 1) or USUAL_RANK) % EXPIRES - USUAL_RANK
end
