"""Token buckets: what a caller may do now, and how one project's rate is shared fairly among its keys.

Pure arithmetic over a clock that is passed in; all figures are requests and seconds.
"""

from collections.abc import Iterable

TURN_SECONDS = 0.1  # how often a project's new tokens are dealt out to its keys
KEPT_SECONDS = 10.0  # how long a key that asks for nothing keeps its share


class Bucket:
    """So many at once, refilled at a steady rate; a debt (`charge`) is paid back before anything else passes."""

    __slots__ = ("at", "burst", "level", "rate")

    def __init__(self, rate: float, burst: float, now: float) -> None:
        self.rate = rate
        self.burst = max(burst, 1.0)
        self.level = self.burst
        self.at = now

    def refill(self, now: float) -> float:
        """Add what came in since the last look, and give what there is."""
        self.level = min(self.burst, self.level + (now - self.at) * self.rate)
        self.at = now
        return self.level

    def wait(self, now: float) -> float:
        """Tell in how many seconds one may pass, 0 for now."""
        short = 1.0 - self.refill(now)
        return short / self.rate if short > 0 else 0.0

    def charge(self, amount: float) -> None:
        """Take so many, whether they are there or not."""
        self.level -= amount


class Share:
    """What one key of a project has been dealt and not used: its own, whatever the others ask for."""

    __slots__ = ("reserve", "seen")

    def __init__(self, reserve: float, now: float) -> None:
        self.reserve = reserve
        self.seen = now


class Shares:
    """One project's rate, shared among the keys that ask.

    New tokens are dealt out evenly, and each key keeps up to two turns of them for itself. What a key leaves lying
    beyond that is free to whoever comes first. So a key that asks all the time gets at least its part of the rate,
    one that is alone gets all of it, and together they never get more than the rate and the burst.
    """

    def __init__(self, rate: float, burst: float, now: float) -> None:
        self.rate = rate
        self.burst = max(burst, 1.0)
        self._level = self.burst
        self._shares: set[Share] = set()
        self._held = 0.0
        self._turned = now

    def __len__(self) -> int:
        return len(self._shares)

    def join(self, now: float) -> Share:
        """Give a key its share, which begins with a token if one is free."""
        self.refill(now)
        share = Share(max(0.0, min(1.0, self._free)), now)
        self._shares.add(share)
        self._held += share.reserve
        return share

    def refill(self, now: float) -> float:
        """Deal out what came in, if a turn is over, and give what there is."""
        if now - self._turned >= TURN_SECONDS:
            self._turn(now)
        return self._level

    def wait(self, share: Share, now: float) -> float:
        """Tell in how many seconds this key may pass, 0 for now."""
        share.seen = now
        self._shares.add(share)  # it may have been forgotten
        short = 1.0 - self.refill(now)
        if short > 0:
            return max(short / self.rate, TURN_SECONDS)
        if share.reserve >= 1 or self._free >= 1:
            return 0.0
        return max((1.0 - share.reserve) * len(self._shares) / self.rate, TURN_SECONDS)

    def charge(self, share: Share, amount: float) -> None:
        """Take so many: of what is free first, then of the key's own, which may leave it in debt."""
        own = amount - max(0.0, min(amount, self._free))
        self._level -= amount
        self._held -= max(0.0, share.reserve)
        share.reserve = max(share.reserve - own, -self.burst)
        self._held += max(0.0, share.reserve)

    @property
    def _free(self) -> float:
        # Half of the burst at most is held back, or a crowd of idle keys would leave the others nothing.
        return self._level - min(self._held, self.burst / 2)

    def _turn(self, now: float) -> None:
        """Deal out what came in since the last turn, and forget the keys that have long asked for nothing."""
        passed, self._turned = now - self._turned, now
        self._level = min(self.burst, self._level + passed * self.rate)
        kept = max(KEPT_SECONDS, 2 * len(self._shares) / self.rate)
        self._shares = {each for each in self._shares if now - each.seen <= kept}
        part = self.rate / max(1, len(self._shares))
        most = max(1.0, 2 * TURN_SECONDS * part)
        for each in self._shares:
            each.reserve = min(most, each.reserve + passed * part)
        self._held = _sum(self._shares)


def _sum(shares: Iterable[Share]) -> float:
    return sum(each.reserve for each in shares if each.reserve > 0)
