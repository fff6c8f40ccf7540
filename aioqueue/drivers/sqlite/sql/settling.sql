-- name: held_claims
SELECT token, id, position, unwanted FROM jobs
WHERE queue = :queue AND state = 'running' AND incarnation = :incarnation
    AND token IN (SELECT value FROM json_each(:tokens));

-- name: was_settled
SELECT 1 FROM settled WHERE queue = :queue AND id = :id AND token = :token
UNION ALL SELECT 1 FROM receipts WHERE queue = :queue AND token = :token;

-- name: bury
INSERT OR REPLACE INTO dead (queue, id, task, priority, expires_at, deliveries, reason, died_at, payload)
SELECT queue, id, task, priority, expires_at, deliveries, ?, ?, payload FROM jobs WHERE position = ?;

-- name: keep_newest_dead
DELETE FROM dead WHERE queue = :queue AND (died_at, number) <= (
    SELECT died_at, number FROM dead WHERE queue = :queue ORDER BY died_at DESC, number DESC LIMIT 1 OFFSET :kept
);

-- name: run_again
UPDATE jobs SET
    position = (SELECT max(position) + 1 FROM jobs),
    state = :state,
    due_at = :due_at,
    payload = coalesce(:payload, payload),
    deliveries = deliveries + :deliveries,
    deferrals = deferrals + :deferrals,
    incarnation = '',
    batch = 0,
    token = 0
WHERE position = :position;

-- name: record_receipt
INSERT INTO receipts (queue, token, expires_at) VALUES (:queue, :token, :expires_at);
