-- include: admit_few.lua
-- include: chords.lua

-- Returns a member of these that will give its chord no value, because it is there already.
local function known_member(members)
  local stored, remembered = hash_values(JOBS, members), result_values(members)
  for n, id in ipairs(members) do
    if stored[n] or told(remembered[n]) then
      return id
    end
  end
end

-- The part of an enqueue that stores the callbacks of chords. Returns the member because of which it stored nothing.
local function admit_chords(rows, more, sizes, members)
  local ids, answers, _, awaits = judge(rows, more, {})
  local accepted, records, places, chords, needed = {}, {}, {}, {}, {}
  for n, id in ipairs(ids) do
    if answers[n] == ACCEPTED then
      local at = n * ROW - ROW + 1
      accepted[#accepted + 1], records[#records + 1] = id, rows[at + 1]
      append(places, { id, '' })
      append(chords, { id, chord_of(sizes[n], rows[at + 2], rows[at + 3], rows[at + 4]) })
      append(needed, members[n])
    end
  end
  local known = known_member(needed)
  if known then
    return known
  end
  store(accepted, records)
  send('HSET', WAITING, places)
  send('HSET', CHORDS, chords)
  admit_few(ids, answers, more, {}, awaits)
end
