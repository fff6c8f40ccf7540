-- include: waiters.lua

local heads, awaited = {}, {}

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

-- Ends jobs that stand nowhere any more: keeps their results and tells those who wait for them.
local function end_jobs(ids, bodies, ttls)
  local any_traces = redis.call('EXISTS', DELIVERIES, DEFERRALS, AGAIN, KEYED, CHORDS, STAGES) > 0
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
