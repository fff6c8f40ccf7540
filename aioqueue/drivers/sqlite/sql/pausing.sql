-- name: set_paused
UPDATE queues SET paused = :paused WHERE number = :queue;

-- name: is_paused
SELECT paused FROM queues WHERE number = :queue;
