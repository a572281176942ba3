"""The workers that a server starts itself, and starts again when Dask has given one up."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from distributed import LocalCluster, Status
from distributed.security import Security

from relaxd.service._logging import worker_environment
from relaxd.service._settings import Settings

logger = logging.getLogger(__name__)

MEND_SECONDS = 5.0
"""How often to look whether a worker is missing. Unit: s."""

GIVEN_UP = (Status.closed, Status.failed)
"""What a nanny is that starts its worker no more."""


@asynccontextmanager
async def own_workers(settings: Settings) -> AsyncIterator[LocalCluster]:
    """Start workers on this machine, and keep their number for as long as the block runs.

    Raises:
        RuntimeError: a worker died while it started.
    """
    async with _local_cluster(settings) as cluster:
        mending = asyncio.create_task(_mend(cluster))
        try:
            yield cluster
        finally:
            mending.cancel()


def _local_cluster(settings: Settings) -> LocalCluster:
    return LocalCluster(
        n_workers=settings.job_workers,
        threads_per_worker=1,
        resources={"cpu": 1},
        # With None it would take a fixed port.
        dashboard_address="127.0.0.1:0",
        # Other users of this machine reach the port too, and what Dask speaks can run code.
        security=Security.temporary(),
        silence_logs=logging.ERROR,
        preload=["relaxd.service._logging"],
        env=worker_environment(settings.log_format, settings.log_level),
        asynchronous=True,
    )


async def _mend(cluster: LocalCluster) -> None:
    """Start anew what is missing.

    A nanny starts its worker again, but Dask closes one whose worker is not back in time, and one
    whose worker cannot start closes itself; neither is ever replaced.
    """
    while True:
        await asyncio.sleep(MEND_SECONDS)
        for name, nanny in list(cluster.workers.items()):
            if nanny.status in GIVEN_UP:
                del cluster.workers[name]
        n = len(cluster.worker_spec)
        if missing := n - len(cluster.workers):
            logger.warning("%d of %d workers are started anew", missing, n)
            cluster.scale(n)
