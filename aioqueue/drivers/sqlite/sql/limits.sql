-- name: nth_newest_use
SELECT used_at FROM uses WHERE queue = :queue AND name = :name ORDER BY number DESC LIMIT 1 OFFSET :skipped;

-- name: record_use
INSERT INTO uses (queue, name, used_at, expires_at) VALUES (:queue, :name, :used_at, :expires_at);
