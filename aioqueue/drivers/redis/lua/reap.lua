-- include: claims_ended.lua
-- include: lines.lua

-- Ends the lease of a dead incarnation; its jobs become suspects, with one delivery more; those that someone asked to
-- cancel end.
-- KEYS  prefix
-- ARGV  incarnation, counter
-- Returns how many jobs were held, -1 if the lease's counter has moved or the lease is gone.
-- Guarantee: a lease that was renewed is left alone; passes at `maxmemory`.
local incarnation, counter = ARGV[1], ARGV[2]
if redis.call('HGET', lease_key(incarnation), 'counter') ~= counter then
  return -1
end
local held = held_by(incarnation)
end_lease(incarnation)
local wanted = end_claims(incarnation, held)
local counts = {}
for n, deliveries in ipairs(hash_values(DELIVERIES, wanted)) do
  append(counts, { wanted[n], (deliveries or 0) + 1 })
end
send('HSET', DELIVERIES, counts)
queue_at_back(wanted, hash_values(JOBS, wanted))
return #held
