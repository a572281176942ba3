"""How often each key may call: a token bucket for each, in this process."""

import time
from collections import OrderedDict
from collections.abc import Callable

PERIOD = 60.0
"""A bucket that is empty is full again after this time. Unit: s."""

ROUNDING = 1e-6
"""What sums of times may be wrong by. Unit: s."""


class Rates:
    """Buckets that hold the requests of a minute, and fill up evenly.

    Of a bucket it is enough to know when it will be full: one that is, is forgotten, so there are
    never more than the keys that called within the last minute.

    Args:
        clock: tells the time, in seconds from anywhere.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._full_at: OrderedDict[str, float] = OrderedDict()

    def take(self, key_id: str, per_minute: int) -> float:
        """Take a request out of a key's bucket.

        Returns:
            Zero if there was one; otherwise the seconds until there is.
        """
        now = self._clock()
        self._forget_full(now)
        full_at = max(now, self._full_at.get(key_id, now)) + PERIOD / per_minute
        wait = full_at - now - PERIOD
        if wait > ROUNDING:
            return wait
        self._full_at[key_id] = full_at
        self._full_at.move_to_end(key_id)
        return 0.0

    def __len__(self) -> int:
        return len(self._full_at)

    def _forget_full(self, now: float) -> None:
        # The first was used longest ago: if it is not full yet, the others wait with it.
        while self._full_at and next(iter(self._full_at.values())) <= now:
            self._full_at.popitem(last=False)
