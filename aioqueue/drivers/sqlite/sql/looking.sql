-- name: job
SELECT id, state, task, payload, priority, due_at, expires_at, deliveries, incarnation FROM jobs
WHERE queue = :queue AND id = :id AND state <> 'waiting';

-- name: dead_letter
SELECT id, 'failed', task, payload, priority, 0.0, expires_at, deliveries, '', reason, died_at FROM dead
WHERE queue = :queue AND id = :id AND died_at > :oldest;

-- name: state
SELECT CASE state WHEN 'waiting' THEN 'scheduled' ELSE state END FROM jobs WHERE queue = :queue AND id = :id
UNION ALL SELECT state FROM settled WHERE queue = :queue AND id = :id AND +expires_at > :now
UNION ALL SELECT 'failed' FROM dead WHERE queue = :queue AND id = :id AND died_at > :oldest
LIMIT 1;

-- name: page_queued
SELECT id, state, task, payload, priority, due_at, expires_at, deliveries, incarnation, line, position FROM jobs
WHERE queue = :queue AND state = 'queued' AND (line, position) > (:first, :second)
ORDER BY line, position LIMIT :limit;

-- name: page_scheduled
SELECT id, state, task, payload, priority, due_at, expires_at, deliveries, incarnation, due_at, position FROM jobs
WHERE queue = :queue AND state = 'scheduled' AND (due_at, position) > (:first, :second)
ORDER BY due_at, position LIMIT :limit;

-- name: page_running
SELECT id, state, task, payload, priority, due_at, expires_at, deliveries, incarnation, incarnation, token FROM jobs
WHERE queue = :queue AND state = 'running' AND (incarnation, token) > (:first, :second)
ORDER BY incarnation, token LIMIT :limit;

-- name: page_dead
SELECT id, 'failed', task, payload, priority, 0.0, expires_at, deliveries, '', reason, died_at, died_at, number FROM dead
WHERE queue = :queue AND (died_at, number) < (:first, :second) AND +died_at > :oldest
ORDER BY died_at DESC, number DESC LIMIT :limit;

-- name: counts
SELECT
    (SELECT count(*) FROM jobs WHERE queue = :queue AND state = 'queued'),
    (SELECT count(*) FROM jobs WHERE queue = :queue AND state = 'scheduled'),
    (SELECT count(*) FROM jobs WHERE queue = :queue AND state = 'running'),
    (SELECT count(*) FROM dead WHERE queue = :queue AND died_at > :oldest);

-- name: flush_jobs
DELETE FROM jobs WHERE queue = :queue;

-- name: flush_settled
DELETE FROM settled WHERE queue = :queue;

-- name: flush_receipts
DELETE FROM receipts WHERE queue = :queue;

-- name: flush_dead
DELETE FROM dead WHERE queue = :queue;

-- name: flush_waiters
DELETE FROM waiters WHERE queue = :queue;

-- name: flush_chords
DELETE FROM chords WHERE queue = :queue;

-- name: flush_chord_values
DELETE FROM chord_values WHERE queue = :queue;

-- name: flush_revocations
DELETE FROM revocations WHERE queue = :queue;

-- name: flush_slots
DELETE FROM slots WHERE queue = :queue;

-- name: flush_notebooks
DELETE FROM notebooks WHERE queue = :queue;

-- name: flush_notes
DELETE FROM notes WHERE queue = :queue;

-- name: flush_places
DELETE FROM places WHERE queue = :queue;

-- name: flush_uses
DELETE FROM uses WHERE queue = :queue;

-- name: surroundings
SELECT shift, EXISTS (SELECT 1 FROM subscriptions WHERE queue = :queue AND topic = :topic) FROM queues
WHERE number = :queue;

-- name: shift_clock
UPDATE queues SET shift = shift + :seconds WHERE number = :queue;
