-- How much one call reads and answers of values that may be large: jobs of 6 MB, a thousand at a time, would fill the
-- server's memory, and no answer of that size ever comes through a slow link. Whoever asked asks again for the rest.
local PORTION, FIRST_PIECE, GROWTH = 1024 * 1024, 16, 8

-- Returns how many values to read next, after so many of together so many bytes: about as many as there is room for.
local function piece_after(count, bytes)
  if count == 0 then
    return FIRST_PIECE
  end
  local room = math.floor((PORTION - bytes) / math.max(1, bytes / count))
  return math.max(1, math.min(count * GROWTH, room))
end
