-- name: last_slot
SELECT slot, job FROM slots WHERE queue = :queue AND schedule = :schedule;

-- name: record_slot
INSERT OR REPLACE INTO slots (queue, schedule, slot, job) VALUES (:queue, :schedule, :slot, :job);

-- name: last_slots
SELECT schedule, slot FROM slots WHERE queue = :queue AND schedule IN (SELECT value FROM json_each(:schedules));
