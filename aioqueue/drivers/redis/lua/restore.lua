-- include: marks.lua

-- Removes the mark of a target.
-- KEYS  prefix
-- ARGV  target
-- Returns 1 if there was one that held, else 0.
-- Guarantee: passes at `maxmemory`.
local held = marks_on({ ARGV[1] })[1]
unmark({ ARGV[1] })
return held and 1 or 0
