-- name: keep_place
INSERT INTO jobs (queue, id, state, task, priority, due_at, expires_at, awaits, payload)
VALUES (?, ?, 'waiting', '', 0, 0, 0, ?, x'')
ON CONFLICT (queue, id) DO UPDATE SET awaits = excluded.awaits WHERE state = 'waiting' AND awaits <> '';

-- name: vacate_places
DELETE FROM jobs WHERE queue = :queue AND state = 'waiting' AND id IN (SELECT value FROM json_each(:ids)) RETURNING id;

-- name: abandon_places
DELETE FROM jobs WHERE queue = :queue AND awaits <> '' AND awaits IN (SELECT value FROM json_each(:ids)) RETURNING id;

-- name: dependents
SELECT
    EXISTS (SELECT 1 FROM jobs WHERE queue = :queue AND awaits <> ''),
    EXISTS (SELECT 1 FROM chords WHERE queue = :queue),
    EXISTS (SELECT 1 FROM revocations WHERE queue = :queue AND target >= 'job:' AND target < 'job;');
