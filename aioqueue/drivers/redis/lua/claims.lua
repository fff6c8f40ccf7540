-- include: chunks.lua
-- include: keys.lua

-- Returns the ids and the tokens of what an incarnation holds, in the order in which it was claimed.
local function held_by(incarnation)
  local flat, claims = redis.call('HGETALL', claims_key(incarnation)), {}
  for at = 1, #flat, 2 do
    claims[#claims + 1] = { id = flat[at], token = tonumber(flat[at + 1]) }
  end
  table.sort(claims, function(one, other) return one.token < other.token end)
  local ids, tokens = {}, {}
  for n, claim in ipairs(claims) do
    ids[n], tokens[n] = claim.id, claim.token
  end
  return ids, tokens
end

-- Ends claims, and with them the requests to cancel, which it returns as id -> request; nil if there were none for this
-- incarnation. It begins with a write that is allowed at `maxmemory`, and so lets what follows it pass.
local function drop_claims(incarnation, ids)
  send('HDEL', claims_key(incarnation), ids)
  send('HDEL', OWNER, ids)
  if redis.call('EXISTS', unwanted_key(incarnation)) == 1 then
    local requests = {}
    for n, request in ipairs(hash_values(unwanted_key(incarnation), ids)) do
      requests[ids[n]] = request or nil
    end
    send('HDEL', unwanted_key(incarnation), ids)
    return requests
  end
end

local function end_lease(incarnation)
  redis.call('DEL', lease_key(incarnation))
  redis.call('SREM', LEASES, incarnation)
end
