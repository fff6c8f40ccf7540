-- include: admit.lua
-- include: claims.lua
-- include: waiters.lua
-- include: deadletters.lua

-- Ends claims with their outcomes.
-- KEYS  prefix
-- ARGV  incarnation
--       outcomes: msgpack array id, token, body, result_ttl, id, ...; result_ttl -1 for a job that runs again
--       extras: msgpack map, position of the outcome (from 1) -> map of what few outcomes have: successors (rows as
--       in enqueue), reason (of a dead letter), again (counts, eta, delay), payload (that replaces the stored one)
-- Returns 0 settled, 1 already or 2 lost for each outcome.
-- Guarantee: each claim is checked before the first write; an outcome, its successors and the end of its claim are one
--            step; passes at `maxmemory`.
local SETTLED, ALREADY, LOST = 0, 1, 2
local REPEATS_SIZE = 256
local incarnation, rows, extras = ARGV[1], cmsgpack.unpack(ARGV[2]), cmsgpack.unpack(ARGV[3])
local ids, tokens, bodies, ttls = {}, {}, {}, {}
for at = 1, #rows, 4 do
  local n = #ids + 1
  ids[n], tokens[n], bodies[n], ttls[n] = rows[at], rows[at + 1], rows[at + 2], rows[at + 3]
end

local answers, ended, ended_ids, strangers = {}, {}, {}, {}
local finished, again = {}, {}

local function check_claims()
  local held = hash_values(claims_key(incarnation), ids)
  for n, id in ipairs(ids) do
    if tonumber(held[n]) == tokens[n] and not ended[id] then
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

local heads = {}

-- Keeps a result. Few different ttls come in one call, so what only depends on them is made once.
local function keep_result(id, body, ttl, repeats)
  local head = heads[ttl]
  if not head then
    local life = math.max(ttl, DONE_MARKER_TTL)
    head = { bytes = struct.pack('>dd', now + ttl, now + life), milliseconds = math.ceil(life * 1000) }
    heads[ttl] = head
  end
  local before = repeats and struct.pack('>Hc0', #repeats, repeats) or '\0\0'
  redis.call('SET', result_key(id), head.bytes .. before .. body, 'PX', head.milliseconds)
end

local function bury_finished()
  local buried = false
  for _, n in ipairs(finished) do
    local reason = extras[n] and extras[n].reason
    local record = reason and redis.call('HGET', JOBS, ids[n])
    if record then
      bury(ids[n], record, tonumber(redis.call('HGET', DELIVERIES, ids[n]) or 0), reason)
      buried = true
    end
  end
  if buried then
    prune_dead()
  end
end

local function finish()
  local finished_ids, finished_bodies = {}, {}
  for at, n in ipairs(finished) do
    finished_ids[at], finished_bodies[at] = ids[n], bodies[n]
  end
  local any_second_run = redis.call('EXISTS', DELIVERIES, DEFERRALS, AGAIN) > 0
  local repeats = any_second_run and hash_values(AGAIN, finished_ids) or {}
  for at, n in ipairs(finished) do
    keep_result(ids[n], bodies[n], ttls[n], repeats[at])
  end
  if next(extras) then
    bury_finished()
  end
  send('HDEL', JOBS, finished_ids)
  if any_second_run then
    send('HDEL', DELIVERIES, finished_ids)
    send('HDEL', DEFERRALS, finished_ids)
    send('HDEL', AGAIN, finished_ids)
  end
  tell(finished_ids, finished_bodies)
end

-- Remembers that this settle was done, so that its repeat is not taken for a lost claim; the oldest is forgotten.
local function remember_token(id, token)
  local tokens = (redis.call('HGET', AGAIN, id) or ' ') .. token .. ' '
  if #tokens > REPEATS_SIZE then
    tokens = string.sub(tokens, string.find(tokens, ' ', 2, true), -1)
  end
  redis.call('HSET', AGAIN, id, tokens)
end

local COUNTERS = { delivery = DELIVERIES, deferral = DEFERRALS }

-- Writes what changes in a job that runs again; returns its record.
local function renew_record(id, token, counts, payload)
  local record = redis.call('HGET', JOBS, id)
  if record and payload then
    record = string.sub(record, 1, 11 + struct.unpack('>H', record, 10)) .. payload
    redis.call('HSET', JOBS, id, record)
  end
  if COUNTERS[counts] then
    redis.call('HINCRBY', COUNTERS[counts], id, 1)
  end
  remember_token(id, token)
  return record
end

local function run_again()
  local ready, records, scheduled = {}, {}, {}
  for _, n in ipairs(again) do
    local id, more = ids[n], extras[n]
    local record, due = renew_record(id, tokens[n], more.again[1], more.payload), due_time(more.again[2], more.again[3])
    if record and due > 0 then
      append(scheduled, { due, id })
    elseif record then
      ready[#ready + 1], records[#records + 1] = id, record
    end
  end
  queue_at_back(ready, records)
  put_on_schedule(scheduled)
end

local function admit_successors()
  local successors = {}
  for n, answer in ipairs(answers) do
    if answer == SETTLED and extras[n] and extras[n].successors then
      append(successors, extras[n].successors)
    end
  end
  if #successors > 0 then
    admit(successors)
  end
end

check_claims()
if #strangers > 0 then
  judge_strangers()
end
if #ended_ids > 0 then
  drop_claims(incarnation, ended_ids)
  if #finished > 0 then
    finish()
  end
  if #again > 0 then
    run_again()
  end
  if next(extras) then
    admit_successors()
  end
end
return answers
