-- name: standing
SELECT position, state FROM jobs WHERE queue = :queue AND id = :id;

-- name: keep_request
UPDATE jobs SET unwanted = :unwanted WHERE position = :position;

-- name: requests
SELECT id, token, position, unwanted FROM jobs
WHERE queue = :queue AND state = 'running' AND incarnation = :incarnation AND +unwanted <> x'' ORDER BY token;

-- name: cancellations
SELECT id FROM jobs WHERE queue = :queue AND state = 'running' AND incarnation = :incarnation AND +unwanted <> x'';
