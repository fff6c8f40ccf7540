-- name: create_lease
INSERT OR IGNORE INTO leases (queue, incarnation, counter, seconds, info, renewed_at)
VALUES (:queue, :incarnation, 0, :seconds, :info, :now);

-- name: renew_lease
UPDATE leases SET counter = counter + 1, renewed_at = :now, info = CASE WHEN :info = x'' THEN info ELSE :info END
WHERE queue = :queue AND incarnation = :incarnation RETURNING counter;

-- name: leases
SELECT incarnation, counter, seconds, info, renewed_at FROM leases WHERE queue = :queue ORDER BY incarnation;

-- name: end_lease
DELETE FROM leases WHERE queue = :queue AND incarnation = :incarnation;

-- name: end_silent_lease
DELETE FROM leases WHERE queue = :queue AND incarnation = :incarnation AND counter = :counter RETURNING counter;

-- name: release_all
UPDATE jobs SET
    state = 'queued',
    deliveries = deliveries + :deliveries,
    incarnation = '',
    batch = 0,
    token = 0
WHERE queue = :queue AND state = 'running' AND incarnation = :incarnation;
