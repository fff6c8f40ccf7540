-- include: results.lua
-- include: portion.lua

-- Returns what `result_values` does for the first of these ids: at least one, and no more once they make a portion.
local function portion_of_results(ids)
  local values, bytes = {}, 0
  while #values < #ids and bytes < PORTION do
    local first, piece = #values + 1, {}
    for n = first, math.min(#ids, first + piece_after(#values, bytes) - 1) do
      piece[#piece + 1] = ids[n]
    end
    for _, value in ipairs(result_values(piece)) do
      values[#values + 1] = value
      bytes = bytes + (value and #value or 0)
    end
  end
  return values
end
