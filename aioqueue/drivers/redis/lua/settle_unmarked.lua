-- include: marks.lua

-- The part of a settle that looks whether a mark that prevented a run is still there; it prevents no other of this call.
local function prevents(mark)
  local target, serial = mark[1], mark[2]
  local there, once = serves(target, serial)
  if not there or used[serial] then
    return false
  end
  used[serial] = once
  return true
end
