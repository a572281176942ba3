"""Finds tasks whose worker, or whose server, is no longer there."""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable

from sqlalchemy.exc import SQLAlchemyError

from relaxd.service._logging import logged_as
from relaxd.service.store import Pulse, Queue, TaskRef

logger = logging.getLogger(__name__)


class Reconciler:
    """Watches the heartbeats, as seen by the clock of this server alone.

    Args:
        queue: of tasks.
        lease: a task that has not beaten for so long waits again, s.
        is_sent: tells whether the scheduler still has an attempt that does not run yet.
        clock: seconds that only grow.
    """

    def __init__(
        self,
        queue: Queue,
        lease: float,
        is_sent: Callable[[TaskRef], bool],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._queue = queue
        self._lease = lease
        self._is_sent = is_sent
        self._clock = clock
        self._seen: dict[Pulse, float] = {}
        self.released: Counter[str] = Counter()
        """Attempts that were given up here, by reason."""

    async def run(self) -> None:
        """Look every third of a lease, until cancelled."""
        while True:
            try:
                await asyncio.to_thread(self.look)
            except SQLAlchemyError as error:  # nothing is known, so nothing is lost
                self._seen.clear()
                logger.warning("the database is away: %s", error)
            await asyncio.sleep(self._lease / 3)

    def look(self) -> None:
        """Release every task that has been as it is for a lease."""
        now = self._clock()
        pulses = self._queue.pulses()
        self._seen = {pulse: self._seen.get(pulse, now) for pulse in pulses}
        for pulse, since in self._seen.items():
            if now - since < self._lease or (not pulse.running and self._is_sent(pulse.ref)):
                continue
            with logged_as(job_id=pulse.ref.job_id, task=pulse.ref.name):
                logger.warning("%s has not been heard of for %.0f s", pulse.ref.name, now - since)
                self._queue.release(pulse.ref, lost=pulse.running)
            self.released["no-heartbeat" if pulse.running else "not-begun"] += 1
