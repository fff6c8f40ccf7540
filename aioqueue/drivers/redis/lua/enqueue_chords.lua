-- include: admit_few.lua

-- The part of an enqueue that stores the callbacks of chords.
local function admit_chords(rows, more, sizes)
  local ids, answers, _, awaits = judge(rows, more, {})
  local accepted, records, places, chords = {}, {}, {}, {}
  for n, id in ipairs(ids) do
    if answers[n] == ACCEPTED then
      local at = n * ROW - ROW + 1
      accepted[#accepted + 1], records[#records + 1] = id, expiring(rows[at + 1], rows[at + 4])
      append(places, { id, '' })
      append(chords, { id, sizes[n] })
    end
  end
  store(accepted, records)
  send('HSET', WAITING, places)
  send('HSET', CHORDS, chords)
  admit_few(ids, answers, more, {}, awaits)
end
