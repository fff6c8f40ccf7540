-- include: full.lua
-- include: wake.lua

-- Ends the wait of one waiter, or the next wait if nobody waits now.
-- KEYS  prefix
-- Returns nothing.
-- Guarantee: passes at `maxmemory`.
pass_when_full()
wake()
