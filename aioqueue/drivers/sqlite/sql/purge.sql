-- name: purge_settled
DELETE FROM settled WHERE queue = :queue AND id IN (
    SELECT id FROM settled WHERE queue = :queue AND expires_at <= :now ORDER BY expires_at LIMIT :limit
);

-- name: purge_receipts
DELETE FROM receipts WHERE queue = :queue AND token IN (
    SELECT token FROM receipts WHERE queue = :queue AND expires_at <= :now ORDER BY expires_at LIMIT :limit
);

-- name: purge_waiters
DELETE FROM waiters WHERE queue = :queue AND +expires_at <= :now AND id IN (
    SELECT id FROM waiters WHERE queue = :queue AND expires_at <= :now ORDER BY expires_at LIMIT :limit
);

-- name: purge_revocations
DELETE FROM revocations WHERE serial IN (
    SELECT serial FROM revocations WHERE queue = :queue AND expires_at > 0 AND expires_at <= :now
    ORDER BY expires_at LIMIT :limit
);

-- name: purge_places
DELETE FROM places WHERE (queue, name, owner) IN (
    SELECT queue, name, owner FROM places WHERE queue = :queue AND expires_at <= :now ORDER BY expires_at LIMIT :limit
);

-- name: purge_uses
DELETE FROM uses WHERE number IN (
    SELECT number FROM uses WHERE queue = :queue AND expires_at <= :now ORDER BY expires_at LIMIT :limit
);

-- name: purge_pairs
DELETE FROM pairs WHERE rowid IN (
    SELECT rowid FROM pairs WHERE queue = :queue AND expires_at > 0 AND expires_at <= :now
    ORDER BY expires_at LIMIT :limit
);

-- name: purge_news
DELETE FROM news WHERE number IN (
    SELECT number FROM news WHERE queue = :queue AND expires_at <= :now ORDER BY expires_at LIMIT :limit
);

-- name: purge_dead
DELETE FROM dead WHERE number IN (
    SELECT number FROM dead WHERE queue = :queue AND died_at <= :oldest ORDER BY died_at LIMIT :limit
);
