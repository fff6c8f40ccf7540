-- name: present_ids
SELECT id FROM jobs WHERE queue = :queue AND id IN (SELECT value FROM json_each(:ids));

-- name: finished_ids
SELECT id FROM settled WHERE queue = :queue AND +expires_at > :now AND id IN (SELECT value FROM json_each(:ids));

-- name: owners_of_keys
SELECT unique_key, id FROM jobs
WHERE queue = :queue AND unique_key <> '' AND unique_key IN (SELECT value FROM json_each(:keys));

-- name: insert_job
INSERT INTO jobs (queue, id, state, task, priority, due_at, expires_at, unique_key, payload)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?);
