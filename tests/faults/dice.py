"""Breaking a share of all requests, by chance."""

from __future__ import annotations

import random

from tests.faults.proxy import Fate, Request


class Dice:
    """Breaks a share of all requests."""

    def __init__(self, random: random.Random, share: float) -> None:
        self.broken: list[str] = []
        self._random = random
        self._share = share

    def judge(self, request: Request) -> Fate:
        if self._random.random() >= self._share:
            return Fate.PASS
        self.broken.append(request.operation)
        return self._random.choice([Fate.RESET, Fate.DROP_REPLY])
