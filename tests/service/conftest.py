"""The application over HTTP, with doubles for the model and the chemistry."""

import asyncio
import logging
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

# Worker processes import the doubles by their name.
if (root := str(Path(__file__).parents[2])) not in sys.path:
    sys.path.insert(0, root)

from tests.service import doubles

from relaxd.service import Settings, create_app
from relaxd.service._offered import RelaxerFactory
from relaxd.service.jobs import close_runtimes

Serve = Callable[..., AbstractAsyncContextManager[httpx.AsyncClient]]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def relaxer() -> doubles.FakeRelaxer:
    return doubles.FakeRelaxer()


@asynccontextmanager
async def serve(app: Any) -> AsyncIterator[httpx.AsyncClient]:
    """Run an application's lifespan, and yield a client of it."""
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://localhost", timeout=60.0) as client,
    ):
        yield client


async def until_ready(client: httpx.AsyncClient) -> None:
    while not (await client.get("/v1/health/ready")).is_success:
        await asyncio.sleep(0.01)


@pytest.fixture(autouse=True)
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Keeps every service's jobs in a folder of the test's own."""
    monkeypatch.setenv("RELAXD_DATABASE", f"sqlite:///{tmp_path / 'relaxd.db'}")
    monkeypatch.setenv("RELAXD_JOURNALS", str(tmp_path / "journals"))
    yield
    close_runtimes()


@pytest.fixture
def log_restored() -> Iterator[None]:
    """Gives the test run its own log back: one that is set up here writes where nobody reads."""
    loggers = [logging.getLogger(name) for name in (None, "relaxd", "uvicorn")]
    before = [(each.handlers[:], each.level, each.propagate) for each in loggers]
    yield
    for each, (handlers, level, propagate) in zip(loggers, before, strict=True):
        each.handlers, each.propagate = handlers, propagate
        each.setLevel(level)


@pytest.fixture
def serving(relaxer: doubles.FakeRelaxer) -> Serve:
    """Makes an application with the doubles, and yields a client once it is ready."""

    @asynccontextmanager
    async def start(
        load: RelaxerFactory = relaxer.load, **settings: Any
    ) -> AsyncIterator[httpx.AsyncClient]:
        options = {"workers": 1} | settings
        app = create_app(
            Settings(**options),
            relaxer_factory=load,
            read=doubles.read,
            fallback=doubles.fallback,
            cluster=doubles.thread_cluster,
        )
        async with serve(app) as client:
            await until_ready(client)
            yield client

    return start


@pytest.fixture
async def client(serving: Serve) -> AsyncIterator[httpx.AsyncClient]:
    async with serving() as client:
        yield client
