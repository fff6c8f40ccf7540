-- include: admit.lua
-- include: ends.lua
-- include: chords.lua
-- include: marks.lua

-- The part of a settle that does what follows from its outcomes.
local successors, few = {}, {}

-- Returns the places that successors may take: those that wait, and those that other successors bring.
local function open_places()
  local open = waiting_among(ids_of(successors))
  for _, what in pairs(few) do
    for _, id in ipairs(what.waits or {}) do
      open[id] = true
    end
  end
  return open
end

local function admit_successors()
  if #successors > 0 then
    admit(successors, few, open_places())
    successors, few = {}, {}
  end
end

local function add_successors(rows, more)
  local before = #successors / ROW
  append(successors, rows)
  for n, what in pairs(more) do
    few[before + n] = what
  end
end

-- Queues or schedules the callback of a chord that is complete.
local function call_back(chord)
  local eta, delay, expires_in = turn_of(redis.call('HGET', CHORDS, chord))
  local record, due = expiring(redis.call('HGET', JOBS, chord), expires_in), due_time(eta, delay)
  redis.call('HDEL', WAITING, chord)
  if expires_in > 0 then
    redis.call('HSET', JOBS, chord, record)
  end
  if due > 0 then
    put_on_schedule({ due, chord })
  else
    queue_at_back({ chord }, { record })
  end
end

-- Keeps the value of a chord's member; the last one calls the callback.
local function contribute(chord, index, value)
  if add_value(chord, index, value) then
    call_back(chord)
  end
end

-- Does what follows from the n-th outcome, after what follows from those before it.
local function follow(n, more)
  if more.ends or more.member then
    admit_successors()
  end
  if more.ends then
    end_waiting(more.ends)
  end
  if more.member then
    contribute(more.member[1], more.member[2], more.member[3] or string.sub(bodies[n], STATE_SIZE + 1))
  end
  if more.consumes then
    use_up(more.consumes[1], more.consumes[2])
  end
  if more.successors then
    add_successors(more.successors[1], more.successors[2])
  end
end

local function follow_all()
  for n, answer in ipairs(answers) do
    if answer == SETTLED and extras[n] then
      follow(n, extras[n])
    end
  end
  admit_successors()
  abandon_the_rest()
end
