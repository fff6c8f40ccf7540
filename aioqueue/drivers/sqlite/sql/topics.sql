-- name: subscribe
INSERT OR REPLACE INTO subscriptions (queue, topic, bell, since)
VALUES (:queue, :topic, :bell, (SELECT coalesce(max(number), 0) FROM news));

-- name: unsubscribe
DELETE FROM subscriptions WHERE queue = :queue AND topic = :topic AND bell = :bell;

-- name: other_subscribers
SELECT bell FROM subscriptions WHERE queue = :queue AND topic = :topic AND bell <> :bell;

-- name: post
INSERT INTO news (queue, topic, bell, expires_at, data) VALUES (:queue, :topic, :bell, :expires_at, :data)
RETURNING number;

-- name: drop_oldest_news
DELETE FROM news WHERE number <= :number;

-- name: news_since
SELECT number, news.topic, data FROM news JOIN subscriptions USING (queue, topic)
WHERE number > :seen AND news.queue = :queue AND subscriptions.bell = :bell AND news.bell <> :bell AND number > since
ORDER BY number LIMIT :limit;
