-- include: clock.lua

-- KEYS  prefix
-- Returns the store's time in seconds, as text.
-- Guarantee: writes nothing.
return seconds(now)
