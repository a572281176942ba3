"""Everything that happens to jobs behind the API."""

import asyncio
import contextlib
import logging
import shutil
from collections.abc import Awaitable, Callable
from typing import Self

from sqlalchemy.exc import SQLAlchemyError

from relaxd.service._usage import Cost, usage
from relaxd.service.jobs._cluster import ClusterFactory, dask_cluster
from relaxd.service.jobs._dispatcher import Dispatcher
from relaxd.service.jobs._reconciler import Reconciler
from relaxd.service.jobs._runtime import Context
from relaxd.service.store import Database, Jobs, Queue, Uploads, Webhooks, migrate
from relaxd.service.webhooks import Notifier

logger = logging.getLogger(__name__)

CLEAN_SECONDS = 60.0
"""How often to delete what is over. Unit: s."""

STALE_SECONDS = 3600.0
"""A job of which nothing has come for so long is no longer being sent. Unit: s."""

AGAIN_SECONDS = 5.0
"""After so long a loop that failed begins again. Unit: s."""

EXPIRED_AT_ONCE = 10
"""Jobs that one transaction deletes."""


class JobEngine:
    """Accepts jobs and has them done; enter it to begin, leave it to drain.

    Args:
        context: what the workers are told, the settings among it.
        cluster: gives the workers.
    """

    def __init__(self, context: Context, cluster: ClusterFactory = dask_cluster) -> None:
        settings = context.settings
        self.settings = settings
        self.database = Database(settings.database)
        self.jobs = Jobs(self.database, lambda cpu, gpu: usage(Cost(cpu, gpu), settings))
        self.uploads = Uploads(self.database, settings.max_queued)
        self.queue = Queue(self.database, settings.retention_seconds)
        self.notifier = Notifier(
            Webhooks(self.database), self.jobs, allow_private=settings.webhook_private
        )
        self.dispatcher = Dispatcher(context, self.queue, cluster)
        self.reconciler = Reconciler(
            self.queue, settings.lease_seconds, lambda ref: ref in self.dispatcher.sent
        )

    async def __aenter__(self) -> Self:
        await asyncio.to_thread(migrate, self.database)
        loops = (self.dispatcher.run, self.reconciler.run, self.notifier.run, self._clean)
        self._running = [asyncio.create_task(_keep_going(loop)) for loop in loops]
        return self

    async def __aexit__(self, *_: object) -> None:
        """Let quick tasks end, and put back the others."""
        await self.dispatcher.drain(self.settings.drain_seconds)
        for task in self._running:
            task.cancel()
        for task in self._running:
            with contextlib.suppress(asyncio.CancelledError):
                await task
        await asyncio.to_thread(self.database.close)

    async def _clean(self) -> None:
        while True:
            try:
                await asyncio.to_thread(self.clean)
            except SQLAlchemyError as error:
                logger.warning("nothing is cleaned while the database is away: %s", error)
            await asyncio.sleep(CLEAN_SECONDS)

    def clean(self) -> None:
        """Delete jobs whose time is over, with their journals, and jobs that never came whole."""
        self.uploads.discard_stale(STALE_SECONDS)
        while ids := self.jobs.expire(EXPIRED_AT_ONCE):
            for job_id in ids:
                self.delete_journals(job_id)

    def delete_journals(self, job_id: str) -> None:
        """Delete what DFT has kept of a job."""
        shutil.rmtree(self.settings.journals / job_id, ignore_errors=True)


async def _keep_going(loop: Callable[[], Awaitable[None]]) -> None:
    """Run a loop, and again if it fails: without it jobs would wait for ever, and nobody know."""
    while True:
        try:
            return await loop()
        except Exception:
            logger.exception("an unforeseen fault behind the API")
        await asyncio.sleep(AGAIN_SECONDS)
