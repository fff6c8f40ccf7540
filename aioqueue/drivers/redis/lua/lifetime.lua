-- For how long a key is kept.
local LONGEST_TTL = 36525 * 86400

-- Returns a ttl in seconds as milliseconds that Redis takes, whatever it is: from one up to a century.
local function lifetime(ttl)
  return math.ceil(math.max(0.001, math.min(LONGEST_TTL, ttl)) * 1000)
end
