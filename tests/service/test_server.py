"""The SDK against the service, over a socket."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import uvicorn

from relaxd.client import AsyncClient, Client, InputError, Molecule, RetryPolicy
from relaxd.service import Settings, create_app

from . import doubles
from .doubles import FakeRelaxer

Server = tuple[str, Callable[[], None]]


@pytest.fixture
def server(relaxer: FakeRelaxer) -> Iterator[Server]:
    """The address of a server, and what ends it."""
    app = create_app(
        Settings(workers=1, max_pending=256),
        relaxer_factory=relaxer.load,
        read=doubles.read,
        fallback=doubles.fallback,
    )
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    (socket,) = server.servers[0].sockets

    def stop() -> None:
        server.should_exit = True
        thread.join()

    yield f"http://127.0.0.1:{socket.getsockname()[1]}", stop
    stop()


def connect(url: str) -> Client:
    client = Client(url, retry=RetryPolicy(attempts=100, initial_wait=0.01, max_wait=1.0))
    while not client.ready():
        time.sleep(0.01)
    return client


def test_results_and_errors_keep_their_order(server: Server) -> None:
    with connect(server[0]) as client:
        good, bad, other = client.relax(["CC", "unreadable", Molecule(smiles="C", id="other")])
        assert client.models()[0].name == "relaxd-small"
        with pytest.raises(InputError) as caught:
            client.relax(["C"], model="none")
    assert good.to_ase().get_chemical_formula() == "C2"
    assert other.raise_for_status().id == "other"
    assert caught.value.type == "urn:relaxd:error:input:unknown-model"
    with pytest.raises(InputError, match="not a SMILES"):
        bad.raise_for_status()


def test_clients_wait_their_turn_at_a_busy_server(server: Server) -> None:
    with connect(server[0]) as client, ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(client.relax, [["C"] * 200] * 4))
    assert [len(answer) for answer in answers] == [200] * 4


def test_async_client(server: Server) -> None:
    connect(server[0]).close()

    async def main() -> list[str | None]:
        async with AsyncClient(server[0]) as client:
            answers = await asyncio.gather(*(client.relax(["C" * n]) for n in range(1, 9)))
        return [answer[0].smiles for answer in answers]

    assert asyncio.run(main()) == ["C" * n for n in range(1, 9)]


def test_stopping_answers_what_was_accepted(server: Server, relaxer: FakeRelaxer) -> None:
    url, stop = server
    relaxer.gate.clear()
    with connect(url) as client, ThreadPoolExecutor(2) as threads:
        running = threads.submit(client.relax, ["CC"])
        while "relaxd_pending_molecules 1.0" not in client._http.get("/metrics").text:
            time.sleep(0.01)
        stopping = threads.submit(stop)
        relaxer.gate.set()
        assert running.result()[0].status == "ok"
        stopping.result()
        assert not client.ready()
