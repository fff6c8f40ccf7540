-- include: clock.lua
-- include: chunks.lua

-- A dead letter: died_at (double), deliveries (uint32), length of reason (uint32), reason, record.
local DEAD_LETTERS_KEPT, DEAD_LETTER_TTL = 10000, 7 * 86400

local function bury(id, record, deliveries, reason)
  local head = struct.pack('>dI4I4', now, deliveries, #reason)
  redis.call('HSET', DEAD, id, head .. reason .. record)
  redis.call('ZADD', DEAD_AT, now, id)
end

local function forget_dead(ids)
  send('HDEL', DEAD, ids)
  send('ZREM', DEAD_AT, ids)
end

-- Drops what is too old or too much; the keys go by themselves when nothing was added for the whole ttl.
local function prune_dead()
  forget_dead(redis.call('ZRANGEBYSCORE', DEAD_AT, '-inf', now - DEAD_LETTER_TTL))
  local excess = redis.call('ZCARD', DEAD_AT) - DEAD_LETTERS_KEPT
  if excess > 0 then
    forget_dead(redis.call('ZRANGE', DEAD_AT, 0, excess - 1))
  end
  redis.call('PEXPIRE', DEAD, DEAD_LETTER_TTL * 1000)
  redis.call('PEXPIRE', DEAD_AT, DEAD_LETTER_TTL * 1000)
end

-- Returns a dead letter that is not too old to be shown; false for any other.
local function dead_letter(id)
  local letter = redis.call('HGET', DEAD, id)
  return letter and struct.unpack('>d', letter) > now - DEAD_LETTER_TTL and letter
end
