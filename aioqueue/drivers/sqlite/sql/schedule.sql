-- name: next_due
SELECT min(due_at) FROM jobs WHERE queue = :queue AND state = 'scheduled';

-- name: due_positions
SELECT position FROM jobs WHERE queue = :queue AND state = 'scheduled' AND due_at <= :now
ORDER BY due_at, position LIMIT :limit;

-- name: last_position
SELECT coalesce(max(position), 0) FROM jobs;

-- name: scheduled_position
SELECT position FROM jobs WHERE queue = :queue AND id = :id AND state = 'scheduled';

-- name: put_off
UPDATE jobs SET state = 'scheduled', due_at = :due_at WHERE position = :position;

-- name: promote_job
UPDATE jobs SET state = 'queued', due_at = 0, position = ? WHERE position = ?;
