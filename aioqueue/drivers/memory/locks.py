"""The places of locks and semaphores, each held for a time. Used under the store's lock."""

from __future__ import annotations

from collections.abc import Sequence

from aioqueue.drivers.memory.fading import Fading


class Locks:
    """Who holds a place of which lock, and until when."""

    def __init__(self) -> None:
        self._places: Fading[str, dict[str, float]] = Fading()

    def acquire(self, name: str, owner: str, until: float, limit: int, now: float) -> bool:
        """Take a place, or keep the one there is."""
        places = self._taken(name, now)
        if owner not in places and len(places) >= limit:
            return False
        self._keep(name, places | {owner: until}, now)
        return True

    def extend(self, name: str, owner: str, until: float, now: float) -> bool:
        """Hold a place for longer; False if it is not held any more."""
        places = self._taken(name, now)
        if owner not in places:
            return False
        self._keep(name, places | {owner: until}, now)
        return True

    def free(self, name: str, owner: str, now: float) -> bool:
        """Give a place back; False if it was not held."""
        places = self._taken(name, now)
        if places.pop(owner, None) is None:
            return False
        self._keep(name, places, now)
        return True

    def holders(self, name: str, now: float) -> int:
        """Return how many places are taken."""
        return len(self._taken(name, now))

    def clear(self, names: Sequence[str], now: float) -> int:
        """Free every place of these locks, of all locks if none is named; answer how many places were taken."""
        chosen = set(names or self._places)
        taken = sum(self.holders(name, now) for name in chosen)
        for name in chosen:
            self._places.remove(name)
        return taken

    def _taken(self, name: str, now: float) -> dict[str, float]:
        places = self._places.get(name, now) or {}
        return {owner: until for owner, until in places.items() if now < until}

    def _keep(self, name: str, places: dict[str, float], now: float) -> None:
        if places:
            self._places.put(name, places, max(places.values()), now)
        else:
            self._places.remove(name)
