-- include: claims.lua

-- Ends claims without an outcome; ends the jobs that someone asked to cancel, and returns the others, to be run again.
local function end_claims(incarnation, ids)
  local requests = drop_claims(incarnation, ids)
  if not requests or not next(requests) then
    return ids
  end
  -- include: unwanted.lua
  return end_unwanted(ids, requests)
end
