-- include: marks.lua
-- include: chords.lua
-- include: records_parts.lua

-- The part of a claim that tells what few jobs have.
-- Returns the marks that hold for these jobs: a job's own before its task's.
local function revoked_among(ids, records)
  forget_lapsed_marks()
  local targets, revoked = {}, {}
  for n, id in ipairs(ids) do
    targets[n], targets[#ids + n] = 'job:' .. id, 'task:' .. task_of(records[n])
  end
  local marks = marks_on(targets)
  for n = 1, #ids do
    local at = marks[n] and n or #ids + n
    if marks[at] then
      append(revoked, { n, targets[at], marks[at] })
    end
  end
  return revoked
end

local function inputs_among(ids)
  local inputs = {}
  for n, chord in ipairs(hash_values(CHORDS, ids)) do
    if chord then
      append(inputs, { n, inputs_of(ids[n], size_of(chord)) })
    end
  end
  return inputs
end
