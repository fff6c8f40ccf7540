-- name: revoke
INSERT OR REPLACE INTO revocations (queue, target, until, once, expires_at)
VALUES (:queue, :target, :until, :once, :expires_at);

-- name: restore
DELETE FROM revocations WHERE queue = :queue AND target = :target
RETURNING expires_at = 0 OR expires_at > :now;

-- name: revocations
SELECT target, until, once, serial FROM revocations
WHERE queue = :queue AND target IN (SELECT value FROM json_each(:targets)) AND (+expires_at = 0 OR +expires_at > :now);

-- name: consume
DELETE FROM revocations
WHERE queue = :queue AND target = :target AND serial = :serial AND once AND (+expires_at = 0 OR +expires_at > :now)
RETURNING 1;

-- name: forget_marks
DELETE FROM revocations WHERE queue = :queue AND target IN (SELECT 'job:' || value FROM json_each(:ids));
