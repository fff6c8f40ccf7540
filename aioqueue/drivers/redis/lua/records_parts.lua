-- include: records.lua

-- Where the name of a record's task begins, and where its payload does; nothing for what is no record.
local function parts_of(record)
  local rank = string.byte(record, 1) or 0
  local at = rank % LONG < EXPIRES and 2 or 10
  local format = rank < LONG and '>B' or '>H'
  local name = at + struct.size(format)
  if #record >= name - 1 then
    return name, name + struct.unpack(format, record, at)
  end
end

-- The name of the task that a record calls, empty for what is no record.
local function task_of(record)
  local name, payload = parts_of(record or '')
  return name and string.sub(record, name, payload - 1) or ''
end
