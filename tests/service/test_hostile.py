"""Whatever is sent, each molecule is answered: with a geometry, or with what is wrong with it."""

import json
import random
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from relaxd.service import Settings, create_app

from . import doubles
from .conftest import serve, until_ready
from .hostile import attack

pytestmark = pytest.mark.anyio

N = 1000
"""Of 10,000 that `benchmarks/hostile.py` sends to a server with the real model."""


@pytest.fixture
async def client(relaxer: doubles.FakeRelaxer) -> AsyncIterator[httpx.AsyncClient]:
    """The real chemistry; GFN2-xTB, which takes seconds, and the model are doubles."""
    relaxer.in_domain = lambda molecule: molecule.charge == 0  # type: ignore[method-assign]
    app = create_app(
        Settings(workers=2, molecule_seconds=20.0),
        relaxer_factory=relaxer.load,
        fallback=doubles.fallback,
        cluster=doubles.thread_cluster,
    )
    async with serve(app) as client:
        await until_ready(client)
        yield client


async def test_hostile_molecules(client: httpx.AsyncClient) -> None:
    outcome = await attack(client, seed=0, n=N)
    assert outcome.faults == []
    assert sum(outcome.counts.values()) >= 0.9 * N  # a file that is damaged may have fewer
    assert outcome.counts["ok"] > 0.05 * N
    assert len(outcome.counts) > 20


@pytest.mark.parametrize("media_type", ["application/json", "application/x-ndjson"])
@pytest.mark.parametrize("path", ["/v1/relax", "/v1/jobs"])
async def test_noise_is_refused(client: httpx.AsyncClient, path: str, media_type: str) -> None:
    numbers = random.Random(0)  # noqa: S311
    body: bytes = json.dumps({"molecules": ["C", {"smiles": "C"}]}).encode()
    bodies: list[bytes] = [b"[" * 10_000, b'{"molecules":' * 5_000, numbers.randbytes(1000)]
    for _ in range(50):
        changed = bytearray(body)
        changed[numbers.randrange(len(body))] = numbers.randrange(256)
        bodies.append(bytes(changed))
    for content in bodies:
        response = await client.post(path, content=content, headers={"Content-Type": media_type})
        assert response.status_code < 500
        if not response.is_success:
            fault: dict[str, Any] = response.json()
            assert fault["type"].startswith(("urn:relaxd:error:input:", "urn:relaxd:error:limit:"))
