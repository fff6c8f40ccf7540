-- Notes which later stages of a job will wait for it: those that are neither live nor remembered, and those that wait
-- for another job now.
local function find_stages(stages, job, fresh, awaits)
  local stored, waiting, remembered = hash_values(JOBS, stages), hash_values(WAITING, stages), result_values(stages)
  for n, id in ipairs(stages) do
    local waits = awaits[id] or (waiting[n] and waiting[n] ~= '')
    if not fresh[id] and (waits or not (stored[n] or told(remembered[n]))) then
      awaits[id] = job
    end
  end
end
