-- name: present_ids
SELECT id FROM jobs WHERE queue = :queue AND id IN (SELECT value FROM json_each(:ids));

-- name: finished_ids
SELECT id FROM settled WHERE queue = :queue AND +expires_at > :now AND id IN (SELECT value FROM json_each(:ids));

-- name: insert_job
INSERT INTO jobs (queue, id, state, task, priority, due_at, expires_at, payload) VALUES (?, ?, ?, ?, ?, ?, ?, ?);
