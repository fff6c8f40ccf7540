-- The names of every key of a queue. KEYS[1] is their common prefix `aq:{queue}:`, which carries the one hash tag.
--
-- meta           hash    layout, epoch, token, offset, pushed:<line>: ids ever pushed to its back, suspected: ids ever
--                        pushed to a line of suspects, stale and stale:<line>: stale ids in all lines and in one,
--                        paused, serial: of the last revocation
-- jobs           hash    id -> record (see records.lua); empty for a later stage of which only the id is known
-- ready:<prio>   list    ids of queued jobs, head first
-- suspects:<prio> list   ids of queued jobs with a delivery behind them
-- schedule       zset    id -> due time
-- waiting        hash    id of a job that waits -> id of the job whose end it waits for, empty for a chord's callback
-- stages         hash    id -> msgpack array of the later stages that wait for it
-- gone           hash    id that stands in a line although its job has ended (see stale.lua) -> that line
-- unique         hash    unique key -> id of the live job that has it
-- keyed          hash    id -> its unique key
-- chords         hash    id of the callback -> number of values; after it eta, delay and expires_in if there are any
-- chord:<id>     hash    index of a member -> its value
-- owner          hash    id -> "incarnation token" of the claim
-- claims:<inc>   hash    id -> token
-- unwanted:<inc> hash    id of a running job that someone asked to cancel -> how it is to end (see unwanted.lua)
-- leases         set     incarnations
-- lease:<inc>    hash    counter, seconds, info, renewed_at; batch, first, last: tokens of the last claim; stirred
-- deliveries     hash    id -> count above zero
-- deferrals      hash    id -> count above zero
-- again          hash    id -> tokens of the settles after which the job ran again, each with a blank on both sides
-- r:<epoch>:<id> string  what became of a finished job (see results.lua), with a ttl
-- w:<epoch>:<id> string  listeners that wait for a job, comma-separated, with a ttl
-- n:<epoch>:<id> list    notes of a job (see notes_kept.lua), with a ttl
-- wake           list    one element or none, but for a moment after a pause; whoever pops it looks for work
-- off:<wait>     list    one element ends a wait that was cancelled, with a ttl
-- dead           hash    id -> dead letter (see deadletters.lua)
-- dead_at        zset    id -> when it died
-- revoked        hash    target -> mark (see marks.lua)
-- revoked_until  zset    target -> when its mark ends
-- slots          hash    schedule -> the last slot fired, a blank, the id of its job
-- locks          zset    name -> when its last place ends, with a ttl
-- lock:<epoch>:<name> zset owner -> when its place ends, with a ttl
-- rate:<epoch>:<name> list times of the last uses, with a ttl
-- kv:<key>       string  when it ends (double, 0 for never), value
local AQ = KEYS[1]
local META = AQ .. 'meta'
local JOBS = AQ .. 'jobs'
local SCHEDULE = AQ .. 'schedule'
local WAITING = AQ .. 'waiting'
local STAGES = AQ .. 'stages'
local GONE = AQ .. 'gone'
local UNIQUE = AQ .. 'unique'
local KEYED = AQ .. 'keyed'
local CHORDS = AQ .. 'chords'
local OWNER = AQ .. 'owner'
local LEASES = AQ .. 'leases'
local DELIVERIES = AQ .. 'deliveries'
local DEFERRALS = AQ .. 'deferrals'
local AGAIN = AQ .. 'again'
local WAKE = AQ .. 'wake'
local DEAD = AQ .. 'dead'
local DEAD_AT = AQ .. 'dead_at'
local REVOKED = AQ .. 'revoked'
local REVOKED_UNTIL = AQ .. 'revoked_until'
local SLOTS = AQ .. 'slots'
local LOCKS = AQ .. 'locks'

local function lease_key(incarnation)
  return AQ .. 'lease:' .. incarnation
end

local function claims_key(incarnation)
  return AQ .. 'claims:' .. incarnation
end

local function unwanted_key(incarnation)
  return AQ .. 'unwanted:' .. incarnation
end
