-- include: unique.lua
-- include: chords.lua
-- include: marks_forgotten.lua

-- Forgets what few jobs have beside their record.
local function forget_traces(ids)
  for _, key in ipairs({ DELIVERIES, DEFERRALS, AGAIN }) do
    send('HDEL', key, ids)
  end
  free_keys(ids)
  drop_chords(ids)
  forget_marks(ids)
end
