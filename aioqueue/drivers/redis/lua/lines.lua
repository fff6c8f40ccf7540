-- include: chunks.lua
-- include: records.lua
-- include: wake.lua

-- Queued jobs wait in lines: one a priority, and one a priority for suspects. A line is a list under the prefix.
local HIGHEST, USUAL, LOWEST = 7, 0, -8
local READY, SUSPECTS = 'ready:', 'suspects:'

-- Returns the names of READY or SUSPECTS lines, the highest priority first.
local function lines_of(kind)
  local names = {}
  for priority = HIGHEST, LOWEST, -1 do
    names[#names + 1] = kind .. priority
  end
  return names
end

local line_keys = {}

-- Returns how many of these lines there are: an empty one is none.
local function number_of_lines(kind)
  local keys = line_keys[kind]
  if not keys then
    keys = {}
    for priority = HIGHEST, LOWEST, -1 do
      keys[#keys + 1] = AQ .. kind .. priority
    end
    line_keys[kind] = keys
  end
  return redis.call('EXISTS', unpack(keys))
end

-- Returns the name of the line in which a queued job stands.
local function line_of(id, record)
  local kind = redis.call('HEXISTS', DELIVERIES, id) == 1 and SUSPECTS or READY
  return kind .. priority_of(record)
end

-- Returns line -> ids, each in the order given; a job without a record belongs in none.
local function by_line(ids, records)
  local deliveries = redis.call('EXISTS', DELIVERIES) == 1 and hash_values(DELIVERIES, ids) or {}
  local lines = {}
  for n, id in ipairs(ids) do
    if records[n] then
      local name = (deliveries[n] and SUSPECTS or READY) .. priority_of(records[n])
      local line = lines[name] or {}
      line[#line + 1] = id
      lines[name] = line
    end
  end
  return lines
end

-- Counts what joins the suspects, so that a claim can tell whether there are any that it did not leave behind before.
local function push(command, name, ids)
  send(command, AQ .. name, ids)
  if string.sub(name, 1, #SUSPECTS) == SUSPECTS then
    redis.call('HINCRBY', META, 'suspected', #ids)
  end
  wake()
end

-- Makes jobs ready behind all others of their lines. The count keeps the cursors of `jobs_queued` exact.
local function queue_at_back(ids, records)
  for name, line in pairs(by_line(ids, records)) do
    push('RPUSH', name, line)
    redis.call('HINCRBY', META, 'pushed:' .. name, #line)
  end
end

-- Makes jobs ready before all others of their lines, the first of `ids` first.
local function queue_at_head(ids, records)
  for name, line in pairs(by_line(ids, records)) do
    local reversed = {}
    for n = #line, 1, -1 do
      reversed[#reversed + 1] = line[n]
    end
    push('LPUSH', name, reversed)
  end
end
