-- include: claims_ended.lua
-- include: lines.lua

-- Hands jobs back to the head of their lines, counting nothing; ends those that someone asked to cancel.
-- KEYS  prefix
-- ARGV  incarnation, claims: msgpack array id, token, id, ... in the order of the tokens
-- Returns how many were held.
-- Guarantee: what this incarnation does not hold with that token is left alone; passes at `maxmemory`.
local incarnation, claims = ARGV[1], cmsgpack.unpack(ARGV[2])
local ids, held = {}, {}
for at = 1, #claims, 2 do
  ids[#ids + 1] = claims[at]
end
for n, token in ipairs(hash_values(claims_key(incarnation), ids)) do
  if tonumber(token) == claims[n * 2] then
    held[#held + 1] = ids[n]
  end
end
local wanted = end_claims(incarnation, held)
queue_at_head(wanted, hash_values(JOBS, wanted))
return #held
