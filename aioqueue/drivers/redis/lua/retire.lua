-- include: claims_ended.lua
-- include: lines.lua

-- Ends a lease and hands all its jobs back to the head of their lines, counting nothing; ends those that someone
-- asked to cancel.
-- KEYS  prefix
-- ARGV  incarnation
-- Returns how many jobs were held.
-- Guarantee: passes at `maxmemory`.
local incarnation = ARGV[1]
local held = held_by(incarnation)
local wanted = end_claims(incarnation, held)
queue_at_head(wanted, hash_values(JOBS, wanted))
end_lease(incarnation)
return #held
