-- include: admit.lua

-- Stores new jobs and wakes a waiter.
-- KEYS  prefix
-- ARGV  jobs: msgpack array id, record, eta, delay, expires_in, id, ...
-- Returns 0 accepted, 1 present or 2 finished for each job.
-- Guarantee: all or nothing; a job that is there or remembered is left alone; refused at `maxmemory`.
return admit(cmsgpack.unpack(ARGV[1]))
