-- include: full.lua
-- include: claims.lua
-- include: lines.lua
-- include: schedule.lua
-- include: news.lua
-- include: portion.lua

-- Moves jobs from the head of the line to an incarnation.
-- KEYS  prefix
-- ARGV  incarnation, batch, limit, suspects
-- Returns now, due_in or '', more (0 or 1), how many hear of events, ids, tokens, records, deliveries, deferrals,
--         revoked (position, target, mark, position, ...), inputs (position, values, position, ...); of the last four
--         each is empty where no job of the queue has any.
-- Guarantee: a job is taken only if it has a record and no owner, and none while the queue is paused; tokens are fresh;
--            repeating the last batch answers with what is still held of it, an earlier one with nothing; no more are taken once the records make a
--            portion; passes at `maxmemory`.
local incarnation, batch, limit, suspects = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local lease = redis.call('HMGET', lease_key(incarnation), 'counter', 'batch', 'first', 'last', 'stirred')

-- A suspect has a delivery, so where no job has one there is no line of suspects to look at.
local any_suspect = redis.call('EXISTS', DELIVERIES) == 1

local function answer(ids, tokens, records, more)
  local deliveries, deferrals, revoked, inputs = any_suspect and hash_values(DELIVERIES, ids) or {}, {}, {}, {}
  if #ids > 0 and redis.call('EXISTS', DEFERRALS, REVOKED, CHORDS) > 0 then
    -- include: claim_told.lua
    deferrals, revoked, inputs = hash_values(DEFERRALS, ids), revoked_among(ids, records), inputs_among(ids)
  end
  local taken = { ids, tokens, records, deliveries, deferrals, revoked, inputs }
  return append({ seconds(now), due_in(), more and 1 or 0, hearers() }, taken)
end

-- What is still held of the last batch.
local function repeated()
  local first, last = tonumber(lease[3]), tonumber(lease[4])
  local held, held_tokens = held_by(incarnation)
  local ids, tokens = {}, {}
  for n, token in ipairs(held_tokens) do
    if token >= first and token <= last then
      ids[#ids + 1], tokens[#tokens + 1] = held[n], token
    end
  end
  return answer(ids, tokens, hash_values(JOBS, ids), not paused and number_of_lines(READY) > 0)
end

local taken, ids, records = {}, {}, {}
local seen, bytes = 0, 0

-- Puts back what was popped behind the last one that was taken, and returns the others.
local function put_back(line, popped, last)
  local rest = {}
  for n = #popped, last + 1, -1 do
    rest[#rest + 1], popped[n] = popped[n], nil
  end
  send('LPUSH', AQ .. line, rest)
end

-- Takes the popped ids that are still queued until they make a portion. Returns the place of the last that it looked at.
local function take_among(popped)
  local found, owners = hash_values(JOBS, popped), hash_values(OWNER, popped)
  for n, id in ipairs(popped) do
    if found[n] and not owners[n] and not taken[id] then
      taken[id] = true
      ids[#ids + 1], records[#records + 1] = id, found[n]
      bytes = bytes + #found[n]
      if bytes >= PORTION then
        return n
      end
    end
  end
  return #popped
end

-- Takes jobs from one line until there are `wanted` of all, passing over ids that are no longer queued there. Returns
-- whether the line had any.
local function take_from(line, wanted)
  local had_any, asked, popped = false, 0, {}
  while #ids < wanted and bytes < PORTION and #popped == asked do
    asked = math.min(wanted - #ids, piece_after(seen, bytes))
    popped = redis.call('LPOP', AQ .. line, asked) or {}
    if #popped == 0 then
      return had_any
    end
    had_any, seen = true, seen + #popped
    local last = take_among(popped)
    if last < #popped then
      put_back(line, popped, last)
    end
    if stale > 0 then
      -- include: stale.lua
      forget_stale(line, popped)
      clear_head(line)
    end
  end
  return had_any
end

-- Looks into no more lines than there are: most queues use one of the sixteen, and mostly the same.
local function take(kind, wanted)
  local lines_left = number_of_lines(kind)
  if lines_left == 1 and take_from(kind .. USUAL, wanted) then
    return
  end
  for _, line in ipairs(lines_of(kind)) do
    if lines_left == 0 or #ids >= wanted or bytes >= PORTION then
      return
    end
    if take_from(line, wanted) then
      lines_left = lines_left - 1
    end
  end
end

-- Writes the claims, and the range of their tokens by which a repeated batch is known.
local function own()
  local tokens, owners, claims = {}, {}, {}
  if #ids == 0 then
    pass_when_full() -- else a pop has gone before
  end
  local last = #ids > 0 and redis.call('HINCRBY', META, 'token', #ids) or 0
  for n, id in ipairs(ids) do
    local token, at = last - #ids + n, n * 2 - 1
    tokens[n] = token
    owners[at], owners[at + 1] = id, incarnation .. ' ' .. token
    claims[at], claims[at + 1] = id, token
  end
  send('HSET', OWNER, owners)
  send('HSET', claims_key(incarnation), claims)
  redis.call('HSET', lease_key(incarnation), 'batch', batch, 'first', last - #ids + 1, 'last', last)
  return tokens
end

-- Suspects left behind are for another worker, so the wake-up is handed on; but by each incarnation only once for those
-- that ever were, or a worker that may not take them would wake itself for ever.
local function hand_on_suspects()
  local suspected = redis.call('HGET', META, 'suspected') or '0'
  if suspected ~= lease[5] then
    redis.call('HSET', lease_key(incarnation), 'stirred', suspected)
    wake()
  end
end

if not lease[1] then
  return answer({}, {}, {}, false)
end
if lease[2] == batch then
  return repeated()
end
if tonumber(batch) < tonumber(lease[2] or 0) then
  return answer({}, {}, {}, false)
end
if paused then
  return answer({}, own(), {}, false)
end
if any_suspect then
  take(SUSPECTS, math.min(suspects, limit))
end
local suspects_taken = #ids
take(READY, limit)
local tokens = own()
local ready_left = (#ids >= limit or bytes >= PORTION) and number_of_lines(READY) > 0
local suspects_left = any_suspect and number_of_lines(SUSPECTS) > 0
if ready_left then
  wake()
elseif suspects_left then
  hand_on_suspects()
end
return answer(ids, tokens, records, ready_left or (suspects_left and suspects_taken < suspects))
