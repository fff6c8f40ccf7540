-- name: results
SELECT id, state, CASE WHEN outcome_until > :now THEN outcome ELSE x'' END FROM settled
WHERE queue = :queue AND +expires_at > :now AND id IN (SELECT value FROM json_each(:ids));

-- name: watch
INSERT OR REPLACE INTO waiters (queue, id, bell, expires_at) VALUES (?, ?, ?, ?);

-- name: unwatch
DELETE FROM waiters WHERE queue = :queue AND bell = :bell AND id IN (SELECT value FROM json_each(:ids));

-- name: told_ids
SELECT id FROM waiters WHERE bell = :bell AND told LIMIT :limit;
