-- name: get
SELECT value, expires_at FROM pairs WHERE queue = :queue AND key = :key AND (+expires_at = 0 OR +expires_at > :now);

-- name: put
INSERT OR REPLACE INTO pairs (queue, key, value, expires_at) VALUES (:queue, :key, :value, :expires_at);

-- name: pop
DELETE FROM pairs WHERE queue = :queue AND key = :key
RETURNING value, expires_at = 0 OR expires_at > :now;
