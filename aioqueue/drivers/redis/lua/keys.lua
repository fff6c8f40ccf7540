-- The names of every key of a queue. KEYS[1] is their common prefix `aq:{queue}:`, which carries the one hash tag.
--
-- meta           hash    layout, epoch, token, offset, pushed:<line>: ids ever pushed to its back, suspected: ids ever
--                        pushed to a line of suspects
-- jobs           hash    id -> record: priority (int8), expires_at (double), length of task (uint16), task, payload
-- ready:<prio>   list    ids of queued jobs, head first
-- suspects:<prio> list   ids of queued jobs with a delivery behind them
-- schedule       zset    id -> due time
-- owner          hash    id -> "incarnation token" of the claim
-- claims:<inc>   hash    id -> token
-- leases         set     incarnations
-- lease:<inc>    hash    counter, seconds, info, renewed_at; batch, first, last: tokens of the last claim; stirred
-- deliveries     hash    id -> count above zero
-- deferrals      hash    id -> count above zero
-- again          hash    id -> tokens of the settles after which the job ran again, each with a blank on both sides
-- r:<epoch>:<id> string  what became of a finished job (see results.lua), with a ttl
-- w:<epoch>:<id> string  listeners that wait for a job, comma-separated, with a ttl
-- wake           list    at most one element; whoever pops it looks for work
-- off:<wait>     list    one element ends a wait that was cancelled, with a ttl
-- dead           hash    id -> dead letter (see deadletters.lua)
-- dead_at        zset    id -> when it died
local AQ = KEYS[1]
local META = AQ .. 'meta'
local JOBS = AQ .. 'jobs'
local SCHEDULE = AQ .. 'schedule'
local OWNER = AQ .. 'owner'
local LEASES = AQ .. 'leases'
local DELIVERIES = AQ .. 'deliveries'
local DEFERRALS = AQ .. 'deferrals'
local AGAIN = AQ .. 'again'
local WAKE = AQ .. 'wake'
local DEAD = AQ .. 'dead'
local DEAD_AT = AQ .. 'dead_at'

local function lease_key(incarnation)
  return AQ .. 'lease:' .. incarnation
end

local function claims_key(incarnation)
  return AQ .. 'claims:' .. incarnation
end
