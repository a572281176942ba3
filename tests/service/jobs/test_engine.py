"""What runs behind the API goes on, whatever fails in it, and ends when it is asked to."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest
from tests.service import doubles
from tests.service.conftest import serve, until_ready
from tests.service.jobs.calls import ended, submit

from relaxd.service import Settings, create_app
from relaxd.service.jobs import Cluster, ClusterFactory, Context, _dispatcher, _engine

pytestmark = pytest.mark.anyio

FAULTS = (OSError("no scheduler"), RuntimeError("Nanny failed to start."), ZeroDivisionError())


def app_with(cluster: ClusterFactory, relaxer: doubles.FakeRelaxer) -> object:
    return create_app(
        Settings(workers=1),
        relaxer_factory=relaxer.load,
        read=doubles.read,
        fallback=doubles.fallback,
        cluster=cluster,
    )


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What failed begins again without a pause."""
    monkeypatch.setattr(_dispatcher, "RECONNECT_SECONDS", 0.0)
    monkeypatch.setattr(_engine, "AGAIN_SECONDS", 0.0)


@pytest.mark.parametrize("fault", FAULTS, ids=repr)
async def test_jobs_are_done_once_the_workers_start(
    fault: Exception, relaxer: doubles.FakeRelaxer
) -> None:
    faults: Iterator[Exception] = iter([fault, fault])

    @asynccontextmanager
    async def cluster(context: Context) -> AsyncIterator[Cluster]:
        for each in faults:
            raise each
        async with doubles.thread_cluster(context) as workers:
            yield workers

    async with serve(app_with(cluster, relaxer)) as client:
        await until_ready(client)
        job_id = await submit(client, ["CC"])
        assert (await ended(client, job_id))["state"] == "succeeded"


@pytest.mark.parametrize("fault", FAULTS, ids=repr)
async def test_the_server_ends_although_its_workers_cannot(
    fault: Exception, relaxer: doubles.FakeRelaxer
) -> None:
    @asynccontextmanager
    async def cluster(context: Context) -> AsyncIterator[Cluster]:
        async with doubles.thread_cluster(context) as workers:
            try:
                yield workers
            finally:
                raise fault

    async with asyncio.timeout(60) as limit:
        async with serve(app_with(cluster, relaxer)) as client:
            await until_ready(client)
            await ended(client, await submit(client, ["CC"]))
    assert not limit.expired()
