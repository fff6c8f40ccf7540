-- include: notes_kept.lua
-- include: news.lua
-- include: lifetime.lua

-- Adds a note to a job and publishes it.
-- KEYS  prefix
-- ARGV  id, data, ttl
-- Returns the number of the note.
-- Guarantee: the newest 1,000 are kept, for the ttl of the last one; refused at `maxmemory`.
local NOTES_KEPT = 1000
local id, data, ttl = ARGV[1], ARGV[2], tonumber(ARGV[3])
local key, number = notes_key(id), last_number(id) + 1
redis.call('RPUSH', key, struct.pack('>dI4', now + ttl, number) .. data)
redis.call('LTRIM', key, number == 1 and -1 or -NOTES_KEPT, -1)
redis.call('PEXPIRE', key, lifetime(ttl))
redis.call('PUBLISH', news_channel('notes:' .. id), data)
return number
