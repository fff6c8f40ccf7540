-- include: claims.lua
-- include: lines.lua

-- Ends a lease and hands all its jobs back to the head of their lines, counting nothing.
-- KEYS  prefix
-- ARGV  incarnation
-- Returns how many jobs were held.
-- Guarantee: passes at `maxmemory`.
local incarnation = ARGV[1]
local held = held_by(incarnation)
drop_claims(incarnation, held)
queue_at_head(held, hash_values(JOBS, held))
end_lease(incarnation)
return #held
