-- name: is_dead
SELECT 1 FROM dead WHERE queue = :queue AND id = :id AND died_at > :oldest;

-- name: remove_dead
DELETE FROM dead WHERE queue = :queue AND id = :id;
