-- name: last_batch
SELECT batch, (SELECT paused FROM queues WHERE number = :queue) FROM leases
WHERE queue = :queue AND incarnation = :incarnation;

-- name: record_batch
UPDATE leases SET batch = :batch WHERE queue = :queue AND incarnation = :incarnation;

-- name: batch_again
SELECT id, token, task, payload, priority, deliveries, deferrals, expires_at FROM jobs
WHERE queue = :queue AND state = 'running' AND incarnation = :incarnation AND batch = :batch
ORDER BY line, position;

-- name: head_of_line
SELECT position, id, task, payload, priority, deliveries, deferrals, expires_at FROM jobs
WHERE queue = :queue AND state = 'queued' AND line >= :first AND line <= :last
ORDER BY line, position LIMIT :limit;

-- name: any_queued
SELECT 1 FROM jobs WHERE queue = :queue AND state = 'queued' AND line >= :first AND line <= :last LIMIT 1;

-- name: reserve_tokens
UPDATE tokens SET last = last + :count RETURNING last;

-- name: company_of_claims
SELECT
    EXISTS (SELECT 1 FROM revocations WHERE queue = :queue),
    EXISTS (SELECT 1 FROM chords WHERE queue = :queue);

-- name: claim_job
UPDATE jobs SET state = 'running', incarnation = ?, batch = ?, token = ? WHERE position = ?;

-- name: release_claim
UPDATE jobs SET state = 'queued', incarnation = '', batch = 0, token = 0
WHERE queue = ? AND state = 'running' AND incarnation = ? AND token = ? AND id = ?;

-- name: claims
SELECT id, token FROM jobs WHERE queue = :queue AND state = 'running' AND incarnation = :incarnation;
