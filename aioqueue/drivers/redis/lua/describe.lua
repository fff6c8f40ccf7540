-- include: chunks.lua
-- include: keys.lua

-- Returns one row a stored job: id, record, due time or '', owner or '', deliveries or ''.
local function describe(ids)
  local records, owners = hash_values(JOBS, ids), hash_values(OWNER, ids)
  local deliveries = hash_values(DELIVERIES, ids)
  local rows = {}
  for n, id in ipairs(ids) do
    if records[n] then
      local due = redis.call('ZSCORE', SCHEDULE, id)
      rows[#rows + 1] = { id, records[n], due or '', owners[n] or '', deliveries[n] or '' }
    end
  end
  return rows
end
