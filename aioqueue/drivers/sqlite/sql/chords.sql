-- name: insert_chord
INSERT INTO chords (queue, id, size, missing, delay, eta, expires_in) VALUES (?, ?, ?, ?, ?, ?, ?);

-- name: keep_value
INSERT OR IGNORE INTO chord_values (queue, chord, place, value)
SELECT queue, id, :place, :value FROM chords
WHERE queue = :queue AND id = :chord AND :place >= 0 AND :place < size;

-- name: count_value
UPDATE chords SET missing = missing - 1 WHERE queue = :queue AND id = :chord RETURNING missing;

-- name: waiting_callback
SELECT jobs.position, chords.delay, chords.eta, chords.expires_in
FROM jobs INNER JOIN chords ON chords.queue = jobs.queue AND chords.id = jobs.id
WHERE jobs.queue = :queue AND jobs.id = :chord AND jobs.state = 'waiting';

-- name: fix_expiry
UPDATE jobs SET expires_at = :expires_at WHERE position = :position;

-- name: values_of_chords
SELECT chord, value FROM chord_values WHERE queue = :queue AND chord IN (SELECT value FROM json_each(:ids))
ORDER BY chord, place;

-- name: forget_chords
DELETE FROM chords WHERE queue = :queue AND id IN (SELECT value FROM json_each(:ids)) RETURNING id;

-- name: forget_values
DELETE FROM chord_values WHERE queue = :queue AND chord IN (SELECT value FROM json_each(:ids));
