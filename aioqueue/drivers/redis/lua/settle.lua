-- include: claims.lua
-- include: ending.lua

-- Ends claims with their outcomes.
-- KEYS  prefix
-- ARGV  incarnation
--       outcomes: msgpack array id, token, body, result_ttl, id, ...; result_ttl -1 for a job that runs again
--       extras: msgpack map, position of the outcome (from 1) -> map of what few outcomes have: successors (rows and
--       `more` as in admit.lua), reason (of a dead letter), ends (id, body, result_ttl, id, ...), member (chord,
--       index, value unless it is in the body), consumes (target, serial), again (counts, eta, delay), payload (that
--       replaces the stored one)
-- Returns 0 settled, 1 already, 2 lost or 3 unmarked for each outcome.
-- Guarantee: each claim is checked before the first write; an outcome, its successors and the end of its claim are one
--            step; passes at `maxmemory`.
local SETTLED, ALREADY, LOST, UNMARKED = 0, 1, 2, 3
local incarnation, rows, extras = ARGV[1], cmsgpack.unpack(ARGV[2]), cmsgpack.unpack(ARGV[3])
local ids, tokens, bodies, ttls = {}, {}, {}, {}
for at = 1, #rows, 4 do
  local n = #ids + 1
  ids[n], tokens[n], bodies[n], ttls[n] = rows[at], rows[at + 1], rows[at + 2], rows[at + 3]
end

local answers, ended, ended_ids, strangers = {}, {}, {}, {}
local finished, again, used = {}, {}, {}

-- Tells whether an outcome lacks the mark that it consumes.
local function is_unmarked(n)
  local mark = extras[n] and extras[n].consumes
  if not mark then
    return false
  end
  -- include: settle_unmarked.lua
  return not prevents(mark)
end

local function check_claims()
  local held = hash_values(claims_key(incarnation), ids)
  for n, id in ipairs(ids) do
    local is_held = tonumber(held[n]) == tokens[n] and not ended[id]
    if is_held and is_unmarked(n) then
      answers[n] = UNMARKED
    elseif is_held then
      answers[n], ended[id], ended_ids[#ended_ids + 1] = SETTLED, tokens[n], id
      local kind = ttls[n] < 0 and again or finished
      kind[#kind + 1] = n
    else
      strangers[#strangers + 1] = n
    end
  end
end

-- A claim that is not held was either ended by this very token before, or lost.
local function judge_strangers()
  local strange = {}
  for at, n in ipairs(strangers) do
    strange[at] = ids[n]
  end
  local results, repeats = result_values(strange), hash_values(AGAIN, strange)
  for at, n in ipairs(strangers) do
    local token = tokens[n]
    local known = ended[ids[n]] == token or knows_token(results[at], token) or holds_token(repeats[at], token)
    answers[n] = known and ALREADY or LOST
  end
end

local function finish()
  local finished_ids, finished_bodies, finished_ttls = {}, {}, {}
  for at, n in ipairs(finished) do
    finished_ids[at], finished_bodies[at], finished_ttls[at] = ids[n], bodies[n], ttls[n]
  end
  if next(extras) then
    -- include: settle_buried.lua
    bury_finished()
  end
  end_jobs(finished_ids, finished_bodies, finished_ttls)
end

check_claims()
if #strangers > 0 then
  judge_strangers()
end
if #ended_ids > 0 then
  local requests = drop_claims(incarnation, ended_ids)
  if requests and #again > 0 then
    -- include: settle_unwanted.lua
    end_instead(requests)
  end
  if #finished > 0 then
    finish()
  end
  if #again > 0 then
    -- include: settle_again.lua
    run_again()
  end
  if next(extras) or #awaited > 0 then
    -- include: settle_followed.lua
    follow_all()
  end
end
return answers
