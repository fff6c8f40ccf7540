"""What a worker has in hand, when the store's answers come twice."""

from __future__ import annotations

from aioqueue.drivers.base import Claim
from aioqueue.worker.holdings import Holdings


def claim(token: int, deliveries: int = 0) -> Claim:
    return Claim("job", token, "task", b"", 0, deliveries, 0, 0.0)


def test_a_claim_that_is_answered_again_is_taken_in_once() -> None:
    holdings = Holdings()
    held = holdings.add(claim(1, deliveries=1), 0.0)
    assert held is not None
    assert holdings.add(claim(1, deliveries=1), 1.0) is None
    assert holdings.get("job") is held
    assert (len(holdings), holdings.suspects) == (1, 1)


def test_a_later_claim_of_a_job_takes_the_place_of_one_that_is_over() -> None:
    holdings = Holdings()
    over, current = holdings.add(claim(1), 0.0), holdings.add(claim(2, deliveries=1), 1.0)
    assert over is not None
    assert holdings.get("job") is current
    assert (holdings.tokens(), holdings.suspects) == ({"job": 2}, 1)
    holdings.remove("job", 1)
    assert (holdings.tokens(), holdings.suspects) == ({"job": 2}, 1)
    holdings.remove("job", 2)
    assert (holdings.tokens(), holdings.suspects) == ({}, 0)
