-- name: count_note
INSERT INTO notebooks (queue, job, last, expires_at) VALUES (:queue, :job, 1, :expires_at)
ON CONFLICT (queue, job) DO UPDATE SET last = last + 1, expires_at = excluded.expires_at
RETURNING last;

-- name: insert_note
INSERT INTO notes (queue, job, number, data) VALUES (:queue, :job, :number, :data);

-- name: drop_oldest_notes
DELETE FROM notes WHERE queue = :queue AND job = :job AND number <= :number;

-- name: notes_after
SELECT number, data FROM notes JOIN notebooks USING (queue, job)
WHERE queue = :queue AND job = :job AND number > :after AND +expires_at > :now
ORDER BY number;

-- name: close_expired_notebook
DELETE FROM notebooks WHERE queue = :queue AND job = :job AND +expires_at <= :now RETURNING job;

-- name: close_expired_notebooks
DELETE FROM notebooks WHERE queue = :queue AND job IN (
    SELECT job FROM notebooks WHERE queue = :queue AND expires_at <= :now ORDER BY expires_at LIMIT :limit
)
RETURNING job;

-- name: forget_notes
DELETE FROM notes WHERE queue = :queue AND job IN (SELECT value FROM json_each(:jobs));
