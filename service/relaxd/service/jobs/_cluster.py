"""The workers: Dask's, started here or reached by the address of their scheduler."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Protocol

import dask
from distributed import Client

from relaxd.service._dask import DASK_SETTINGS, security_of
from relaxd.service._passed_on import run_sealed, sealed
from relaxd.service.jobs._attempt import run_attempt
from relaxd.service.jobs._own_workers import own_workers
from relaxd.service.jobs._runtime import Context
from relaxd.service.store import TaskRef

RESOURCES = ("cpu", "gpu")
"""What a worker can offer, one for each task at a time."""


class Cluster(Protocol):
    """Workers that run attempts."""

    @property
    def is_connected(self) -> bool:
        """Whether the workers can be reached."""

    async def slots(self) -> dict[str, int]:
        """Return how many tasks that need each resource can run at once.

        Raises:
            OSError: the scheduler does not answer.
        """

    async def run(self, ref: TaskRef) -> bool:
        """Run an attempt, and return whether its results count.

        Raises:
            Exception: it did not come to an end.
        """


ClusterFactory = Callable[[Context], AbstractAsyncContextManager[Cluster]]
"""Gives workers for as long as its block runs; entering may raise `OSError` or `RuntimeError`."""


class DaskCluster:
    """Workers of Dask.

    Args:
        client: connected to the scheduler.
        context: what the workers are told.
    """

    def __init__(self, client: Client, context: Context) -> None:
        self._client = client
        self._context = context

    @property
    def is_connected(self) -> bool:
        """Whether the scheduler is there."""
        return bool(self._client.status == "running")

    async def slots(self) -> dict[str, int]:
        """Return how many tasks that need each resource can run at once.

        Raises:
            OSError: the scheduler does not answer.
        """
        known = await self._client.scheduler.identity(n_workers=-1)
        offered = [worker["resources"] for worker in known["workers"].values()]
        return {
            resource: int(sum(offer.get(resource, 0) for offer in offered))
            for resource in RESOURCES
        }

    async def run(self, ref: TaskRef) -> bool:
        """Run an attempt, and return whether its results count.

        Raises:
            CancelledError: the scheduler has forgotten it.
            KilledWorker: its worker died.
        """
        future = self._client.submit(
            run_sealed,
            sealed(run_attempt, self._context, ref),
            key=ref.name,
            resources={ref.resource: 1},
            pure=False,
            retries=0,
        )
        counts: bool = await future
        return counts


@asynccontextmanager
async def dask_cluster(context: Context) -> AsyncIterator[Cluster]:
    """Start workers, or connect to those of a scheduler, for as long as the block runs.

    Raises:
        OSError: the scheduler does not answer.
        RuntimeError: a worker died while it started.
    """
    settings = context.settings
    async with AsyncExitStack() as stack:
        stack.enter_context(dask.config.set(DASK_SETTINGS))
        address, security = settings.scheduler, None
        if address is None:
            address = await stack.enter_async_context(own_workers(settings))
        else:
            files = settings.tls_ca_file, settings.tls_cert, settings.tls_key
            security = security_of(address, *files)
        client = Client(address, asynchronous=True, set_as_default=False, security=security)
        yield DaskCluster(await stack.enter_async_context(client), context)
