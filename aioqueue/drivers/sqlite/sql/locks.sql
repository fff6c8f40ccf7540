-- name: keep_lock
UPDATE places SET expires_at = :expires_at
WHERE queue = :queue AND name = :name AND owner = :owner AND expires_at > :now RETURNING 1;

-- name: places_taken
SELECT count(*) FROM places WHERE queue = :queue AND name = :name AND +expires_at > :now;

-- name: take_place
INSERT OR REPLACE INTO places (queue, name, owner, expires_at) VALUES (:queue, :name, :owner, :expires_at);

-- name: free_place
DELETE FROM places WHERE queue = :queue AND name = :name AND owner = :owner RETURNING expires_at > :now;

-- name: holders
SELECT name, count(*) FROM places
WHERE queue = :queue AND name IN (SELECT value FROM json_each(:names)) AND +expires_at > :now GROUP BY name;

-- name: clear_locks
DELETE FROM places WHERE queue = :queue AND name IN (SELECT value FROM json_each(:names)) RETURNING expires_at > :now;

-- name: clear_all_locks
DELETE FROM places WHERE queue = :queue RETURNING expires_at > :now;
