-- name: hang_bell
INSERT INTO bells (queue, address) VALUES (:queue, :address)
ON CONFLICT (address) DO UPDATE SET queue = queue RETURNING number;

-- name: hear_jobs
UPDATE bells SET hears_jobs = 1 WHERE number = :bell;

-- name: bells_for_jobs
SELECT number, address FROM bells WHERE queue = :queue AND hears_jobs AND number <> :bell;

-- name: bells_of
SELECT number, address FROM bells WHERE number IN (SELECT value FROM json_each(:bells));

-- name: other_bells
SELECT number, address FROM bells WHERE number <> :bell;

-- name: oldest_bells
SELECT number FROM bells ORDER BY number DESC LIMIT -1 OFFSET :kept;

-- name: take_bell_down
DELETE FROM bells WHERE number = :number;

-- name: forget_subscriptions
DELETE FROM subscriptions WHERE bell = :number;

-- name: forget_waiters
DELETE FROM waiters WHERE bell = :number;
