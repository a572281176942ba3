"""Sends tasks that wait to workers that are free."""

import asyncio
import logging
from collections import Counter
from contextlib import suppress

from sqlalchemy.exc import SQLAlchemyError

from relaxd.service._logging import logged_as
from relaxd.service.jobs._cluster import Cluster, ClusterFactory
from relaxd.service.jobs._runtime import Context
from relaxd.service.store import Queue, TaskRef

logger = logging.getLogger(__name__)

POLL_SECONDS = 1.0
"""How often to look for tasks that another server accepted. Unit: s."""

RECONNECT_SECONDS = 5.0
"""After so long a scheduler that is away is tried again. Unit: s."""


class Dispatcher:
    """Keeps the workers busy.

    Args:
        context: what the workers are told.
        queue: of tasks.
        cluster: gives the workers.
    """

    def __init__(self, context: Context, queue: Queue, cluster: ClusterFactory) -> None:
        self._context = context
        self._queue = queue
        self._cluster = cluster
        self._sent: dict[TaskRef, asyncio.Task[bool]] = {}
        self._woken = asyncio.Event()
        self._draining = False
        self.n_workers = 0
        """How many tasks the workers can do at once; 0 as long as they are not needed."""
        self.released: Counter[str] = Counter()
        """Attempts that were given up here, by reason."""

    @property
    def sent(self) -> set[TaskRef]:
        """Attempts that the workers have from here and are not done with."""
        return set(self._sent)

    def wake(self) -> None:
        """Look for tasks now."""
        self._woken.set()

    async def run(self) -> None:
        """Send tasks until cancelled; workers are started once there is something to do."""
        while not self._draining:  # an error while they end would hide that this is cancelled
            try:
                await self._until_needed()
                async with self._cluster(self._context) as workers:
                    await self._send_all(workers)
            except (OSError, RuntimeError, SQLAlchemyError):  # Dask says so of a worker's start
                logger.exception("the workers cannot be reached")
            finally:
                self._forget()
            await asyncio.sleep(RECONNECT_SECONDS)

    async def drain(self, seconds: float) -> None:
        """Send no more, wait for quick tasks to end, and let the others wait for a later server."""
        self._draining = True
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while any(ref.kind != "refine" for ref in self._sent):
                    await asyncio.sleep(0.1)
        if self._context.settings.scheduler is None:  # the workers end with this server
            for ref in list(self._sent):
                await asyncio.to_thread(self._queue.release, ref, lost=False)
                self.released["drain"] += 1

    async def _until_needed(self) -> None:
        while not await asyncio.to_thread(self._queue.depth):
            await self._pause()

    async def _send_all(self, workers: Cluster) -> None:
        while workers.is_connected:
            try:
                await self._send_some(workers)
            except SQLAlchemyError as error:  # what runs goes on
                logger.warning("nothing is sent while the database is away: %s", error)
            await self._pause()

    async def _send_some(self, workers: Cluster) -> None:
        """Send as many tasks as the workers can begin at once.

        More would wait behind tasks that take hours, or with a worker that is stuck.
        """
        await self._collect()
        slots = await workers.slots()
        self.n_workers = sum(slots.values())
        if self._draining:
            return
        for resource, n in slots.items():
            busy = sum(ref.resource == resource for ref in self._sent)
            if busy < n:
                for ref in await asyncio.to_thread(self._queue.send, resource, n - busy):
                    self._sent[ref] = self._start(workers, ref)

    def _start(self, workers: Cluster, ref: TaskRef) -> asyncio.Task[bool]:
        task = asyncio.create_task(workers.run(ref), name=ref.name)
        task.add_done_callback(lambda _: self._woken.set())
        return task

    def _forget(self) -> None:
        """Leave what was sent to itself: if it still runs, its heartbeat says so."""
        for task in self._sent.values():
            task.cancel()
        self._sent.clear()
        self.n_workers = 0

    async def _collect(self) -> None:
        """Take note of what has ended; a task that has no results by now waits again."""
        for ref, task in list(self._sent.items()):
            if not task.done():
                continue
            del self._sent[ref]
            if task.cancelled():
                # A scheduler that is gone forgets its tasks: that says nothing of their workers.
                await self._release(ref, "scheduler-lost", "forgotten", lost=False)
            elif (error := task.exception()) is not None:
                await self._release(ref, "worker-lost", repr(error), lost=True)
            elif not task.result():
                # Another attempt has taken over, and this changes nothing; or the worker died,
                # and a scheduler of the operator's own gave this very attempt to the next one.
                await asyncio.to_thread(self._queue.release, ref, lost=True)

    async def _release(self, ref: TaskRef, reason: str, found: str, *, lost: bool) -> None:
        with logged_as(job_id=ref.job_id, task=ref.name):
            logger.warning("%s ended without a result: %s", ref.name, found)
            await asyncio.to_thread(self._queue.release, ref, lost=lost)
        self.released[reason] += 1

    async def _pause(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(POLL_SECONDS):
                await self._woken.wait()
        self._woken.clear()
