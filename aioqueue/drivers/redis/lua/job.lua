-- include: describe.lua
-- include: deadletters.lua

-- KEYS  prefix
-- ARGV  id
-- Returns the row of describe.lua and nil, or nil and the dead letter, or twice nil.
-- Guarantee: writes nothing.
local row = describe({ ARGV[1] })[1]
return { row or false, not row and dead_letter(ARGV[1]) }
