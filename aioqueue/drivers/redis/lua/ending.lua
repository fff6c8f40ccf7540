-- include: waiters.lua
-- include: lifetime.lua

local heads, awaited = {}, {}

-- Keeps a result. Few different ttls come in one call, so what only depends on them is made once. Claims have been
-- dropped before this, so no ttl may make it fail: the first operand of `min` is also the answer to one that is no number.
local function keep_result(id, body, any_ttl, repeats)
  local ttl = math.min(LONGEST_TTL, any_ttl)
  local head = heads[ttl]
  if not head then
    local life = math.max(ttl, DONE_MARKER_TTL)
    head = { bytes = struct.pack('>dd', now + ttl, now + life), milliseconds = lifetime(life) }
    heads[ttl] = head
  end
  local before = repeats and struct.pack('>Hc0', #repeats, repeats) or '\0\0'
  redis.call('SET', result_key(id), head.bytes .. before .. body, 'PX', head.milliseconds)
end

-- Ends jobs that stand nowhere any more: keeps their results and tells those who wait for them.
local function end_jobs(ids, bodies, ttls)
  local any_traces = redis.call('EXISTS', DELIVERIES, DEFERRALS, AGAIN, KEYED, CHORDS, STAGES, REVOKED) > 0
  local repeats = any_traces and hash_values(AGAIN, ids) or {}
  for n, id in ipairs(ids) do
    keep_result(id, bodies[n], ttls[n], repeats[n])
  end
  send('HDEL', JOBS, ids)
  if any_traces then
    -- include: traces.lua
    forget_traces(ids)
    append(awaited, ids)
  end
  tell(ids, bodies)
end
