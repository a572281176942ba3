"""Servers made of a function, and results to answer with."""

import asyncio
import inspect
import json
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import httpx
import pytest

from relaxd.client import AsyncClient, AsyncJob, Client, Job, Result, RetryPolicy
from relaxd.client._connection import AsyncConnection, Connection
from relaxd.client.schemas import RelaxResponse

from .doubles import FakeJob, FakeTime

WATER_SDF = """water
     test          3D

  3  2  0  0  0  0  0  0  0  0999 V2000
    0.0000    0.0000    0.1190 O   0  0  0  0  0  0  0  0  0  0  0  0
    0.0000    0.7630   -0.4770 H   0  0  0  0  0  0  0  0  0  0  0  0
    0.0000   -0.7630   -0.4770 H   0  0  0  0  0  0  0  0  0  0  0  0
  1  2  1  0
  1  3  1  0
M  END
"""

AT_ONCE = RetryPolicy(attempts=3, initial_wait=0.0)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def water() -> Result:
    return Result(
        id="water",
        status="ok",
        atomic_numbers=[8, 1, 1],
        positions=[(0.0, 0.0, 0.119), (0.0, 0.763, -0.477), (0.0, -0.763, -0.477)],
        charge=0,
        multiplicity=1,
        sdf=WATER_SDF,
    )


class FakeServer:
    """Answers each molecule with a result that carries its SMILES as id; keeps the requests."""

    def __init__(self) -> None:
        self.requests: list[httpx.Request] = []
        self.bodies: list[dict[str, Any]] = []
        self.first_answers: list[httpx.Response | Exception] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        if self.first_answers:
            answer = self.first_answers.pop(0)
            if isinstance(answer, Exception):
                raise answer
            return answer
        return self.answer(request)

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.bodies.append(json.loads(request.content))
        results = [Result(id=str(m), status="ok") for m in self.bodies[-1]["molecules"]]
        response = RelaxResponse(model="test", results=results)
        return httpx.Response(200, text=response.model_dump_json())


@pytest.fixture
def server() -> FakeServer:
    return FakeServer()


@pytest.fixture
def problem() -> Callable[..., httpx.Response]:
    def make(status: int, type_: str, **headers: str) -> httpx.Response:
        document = {"type": type_, "title": "Title", "status": status, "detail": "Detail."}
        return httpx.Response(status, json=document, headers=headers)

    return make


Handler = Callable[[httpx.Request], httpx.Response]


class Blocking:
    """An asynchronous object with the methods of its twin, so that one test serves both."""

    def __init__(self, twin: Any, runner: asyncio.Runner) -> None:
        self._twin = twin
        self._runner = runner

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._twin, name)
        if not inspect.ismethod(value):
            return value
        return lambda *args, **kwargs: blocking(value(*args, **kwargs), self._runner)

    def __repr__(self) -> str:
        return repr(self._twin).replace("AsyncJob", "Job")


def blocking(value: Any, runner: asyncio.Runner) -> Any:
    if inspect.iscoroutine(value):
        value = runner.run(value)
    if isinstance(value, AsyncIterator):
        return iterate(value, runner)
    return Blocking(value, runner) if isinstance(value, AsyncClient | AsyncJob) else value


def iterate(values: Any, runner: asyncio.Runner) -> Iterator[Any]:
    async def step() -> Any:
        return await anext(values)

    try:
        while True:
            try:
                yield blocking(runner.run(step()), runner)
            except StopAsyncIteration:
                return
    finally:
        runner.run(values.aclose())


@pytest.fixture(params=["sync", "async"])
def mode(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def connect(mode: str) -> Iterator[Callable[..., Any]]:
    """Clients of both kinds, with the methods of `Client`."""
    clients: list[Any] = []
    with asyncio.Runner() as runner:

        def make(handler: Handler | None, **options: Any) -> Any:
            transport = handler and httpx.MockTransport(handler)
            options = {"retry": AT_ONCE, "transport": transport} | options
            if mode == "sync":
                clients.append(Client(**options))
            else:
                clients.append(Blocking(AsyncClient(**options), runner))
            return clients[-1]

        yield make
        for client in clients:
            client.close()


@pytest.fixture
def handle(mode: str) -> Iterator[Callable[..., Any]]:
    """Handles of both kinds, with the methods of `Job`, whose time is not the real one."""
    with asyncio.Runner() as runner:

        def make(server: FakeJob, time: FakeTime, retry: RetryPolicy = AT_ONCE) -> Any:
            transport = httpx.MockTransport(server)
            where: Any = {"transport": transport, "base_url": "http://test"}
            if mode == "sync":
                options: Any = {"clock": time.clock, "sleep": time.sleep}
                connection = Connection(httpx.Client(**where), retry, **options)
                return Job(connection, server.info)
            options = {"clock": time.clock, "sleep": time.async_sleep}
            async_connection = AsyncConnection(httpx.AsyncClient(**where), retry, **options)
            return Blocking(AsyncJob(async_connection, server.info), runner)

        yield make
