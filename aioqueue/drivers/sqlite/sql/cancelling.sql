-- name: standing
SELECT position, state FROM jobs WHERE queue = :queue AND id = :id;

-- name: ask_to_cancel
UPDATE jobs SET cancel_asked = 1 WHERE position = :position;

-- name: cancellations
SELECT id FROM jobs WHERE queue = :queue AND state = 'running' AND incarnation = :incarnation AND +cancel_asked;
