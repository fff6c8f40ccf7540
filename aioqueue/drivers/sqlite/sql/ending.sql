-- name: end_job
DELETE FROM jobs WHERE position = ?;

-- name: record_settled
INSERT OR REPLACE INTO settled (queue, id, state, token, outcome_until, expires_at, outcome) VALUES (?, ?, ?, ?, ?, ?, ?);

-- name: tell_waiters
UPDATE waiters SET told = 1
WHERE queue = :queue AND id IN (SELECT value FROM json_each(:ids)) AND bell <> :bell AND +expires_at > :now
RETURNING bell;

-- name: take_own_waiters
DELETE FROM waiters
WHERE queue = :queue AND id IN (SELECT value FROM json_each(:ids)) AND bell = :bell AND +expires_at > :now
RETURNING id;
