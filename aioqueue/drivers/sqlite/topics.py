"""News on topics: who subscribes to which, and what is on its way from one driver to others."""

from __future__ import annotations

from typing import Final, NamedTuple

from aioqueue.drivers.sqlite.transaction import Transaction

NEWS_KEPT: Final = 5_000
NEWS_TTL: Final = 30.0
_READ_AT_ONCE: Final = 100


class Post(NamedTuple):
    """One piece of news; later ones have greater numbers."""

    number: int
    topic: str
    data: bytes


def subscribe(transaction: Transaction, topic: str) -> None:
    """Have this driver's bell rung for a topic from now on."""
    transaction.execute("subscribe", topic=topic)


def unsubscribe(transaction: Transaction, topic: str) -> None:
    """Have this driver's bell rung for a topic no more."""
    transaction.execute("unsubscribe", topic=topic)


def other_subscribers(transaction: Transaction, topic: str) -> list[int]:
    """Return the bells of other drivers that are rung for a topic."""
    return [row[0] for row in transaction.rows("other_subscribers", topic=topic)]


def post(transaction: Transaction, topic: str, data: bytes) -> None:
    """Leave news for other drivers that subscribe and ring for it; what is older than the last `NEWS_KEPT` is gone."""
    bells = other_subscribers(transaction, topic)
    if not bells:
        return
    number = transaction.one("post", topic=topic, data=data, expires_at=transaction.now + NEWS_TTL)[0]
    transaction.execute("drop_oldest_news", number=number - NEWS_KEPT)
    transaction.news.posted.update(bells)


def news_since(transaction: Transaction, seen: int) -> list[Post]:
    """Return some news of others for this driver, oldest first."""
    return [Post(*row) for row in transaction.rows("news_since", seen=seen, limit=_READ_AT_ONCE)]
