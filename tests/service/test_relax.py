"""`POST /v1/relax`: each molecule answered on its own."""

import asyncio
from typing import Any

import httpx
import numpy as np
import pytest

from relaxd.client.schemas import RelaxResponse, Result

from .conftest import Serve
from .doubles import FakeRelaxer

pytestmark = pytest.mark.anyio


async def relax(client: httpx.AsyncClient, *molecules: Any) -> list[Result]:
    response = await client.post("/v1/relax", json={"molecules": molecules})
    assert response.status_code == 200
    return RelaxResponse.model_validate_json(response.content).results


def outcome(result: Result) -> str:
    """What made the geometry, or the type of the error."""
    if result.error is None:
        assert result.verdict is not None
        return result.verdict.method
    assert result.positions is None
    return result.error.type.removeprefix("urn:relaxd:error:")


async def test_result_is_complete(client: httpx.AsyncClient) -> None:
    (result,) = await relax(client, {"smiles": "CCC", "id": "propane", "charge": 1})
    assert (result.id, result.status, result.smiles, result.charge) == ("propane", "ok", "CCC", 1)
    assert result.atomic_numbers == [6, 6, 6]
    assert result.positions is not None
    assert result.start_positions is not None
    np.testing.assert_allclose(np.subtract(result.positions, result.start_positions), 0.1)
    assert result.relaxation is not None
    assert result.relaxation.converged
    assert result.usage is not None
    assert result.usage.estimated
    assert result.usage.cpu_seconds > 0
    assert result.usage.energy_wh == pytest.approx(result.usage.cpu_seconds * 10.0 / 3600.0)
    assert result.usage.gpu_seconds == 0
    assert result.usage.co2e_g is None


async def test_steps_are_answered_where_asked_for(client: httpx.AsyncClient) -> None:
    (plain,) = await relax(client, "CCC")
    assert plain.trajectory is None
    body = {"molecules": ["CCC", "unreadable"], "trajectory": True}
    answer = await client.post("/v1/relax", json=body)
    first, failed = RelaxResponse.model_validate_json(answer.content).results
    assert first.trajectory == [first.start_positions, first.positions]
    assert failed.trajectory is None


async def test_emissions_follow_the_grid(serving: Serve) -> None:
    async with serving(grid_g_per_kwh=400.0) as client:
        (result,) = await relax(client, "CCC")
    assert result.usage is not None
    assert result.usage.co2e_g == pytest.approx(0.4 * result.usage.energy_wh)


BATCH = [
    ("CC", "diffusion"),
    ("unreadable", "input:unparsable-smiles"),
    ("xenon", "gfn2-xtb"),
    ("circle", "gfn2-xtb"),
    ("circle-for-ever", "diffusion"),
    ("segfault", "internal:worker-died"),
    ("CCC", "diffusion"),
    ("killed", "resource:worker-killed"),
    ("xenon-crash", "internal:worker-died"),
    ("bug", "internal:fault"),
    ("poison", "internal:fault"),
    ("huge", "resource:out-of-memory"),
    ("diverge", "convergence:diverged"),
    (None, "input:invalid-molecule"),
    (7, "input:invalid-molecule"),
    ({}, "input:no-form"),
    ({"smiles": "C", "xyz": "1"}, "input:several-forms"),
    ({"atomic_numbers": [6]}, "input:missing-coordinates"),
    ({"smiles": "C", "spin": 1}, "input:invalid-molecule"),
    ({"smiles": "C", "id": "x" * 999}, "input:invalid-molecule"),
    ("C", "diffusion"),
]


@pytest.mark.parametrize("workers", [1, 2])
async def test_bad_molecules_harm_no_others(serving: Serve, workers: int) -> None:
    async with serving(workers=workers) as client:
        for _ in range(2):  # nothing stays broken
            results = await relax(client, *(molecule for molecule, _ in BATCH))
            assert [outcome(result) for result in results] == [expected for _, expected in BATCH]


async def test_fields_at_fault_are_named(client: httpx.AsyncClient) -> None:
    bad = {"id": "me", "atomic_numbers": [6], "positions": [[0, 0, "x"]]}
    (result,) = await relax(client, bad)
    assert result.id == "me"
    assert result.error is not None
    assert result.error.errors is not None
    assert result.error.errors[0].path == "/positions/0/2"


async def test_lone_surrogate_is_refused(client: httpx.AsyncClient) -> None:
    body = b'{"molecules": [{"smiles": "C", "id": "\\ud800"}, "\\ud800", "C"]}'
    headers = {"Content-Type": "application/json"}
    response = await client.post("/v1/relax", content=body, headers=headers)
    assert response.status_code == 200
    assert [result["status"] for result in response.json()["results"]] == ["error", "error", "ok"]


async def test_time_limit(serving: Serve) -> None:
    async with serving(workers=2, molecule_seconds=0.5) as client:
        hung, fine = await relax(client, "hang", "C")
    assert outcome(hung) == "resource:time-limit"
    assert outcome(fine) == "diffusion"


async def test_memory_that_runs_out_halves_the_budget(serving: Serve) -> None:
    async with serving(batch_pairs=1024) as client:
        await relax(client, "huge")
        metrics = (await client.get("/metrics")).text
    assert "relaxd_batch_pairs 512.0" in metrics


async def test_busy(serving: Serve, relaxer: FakeRelaxer) -> None:
    relaxer.gate.clear()
    async with serving(max_molecules=2, max_pending=3) as client:
        running = asyncio.create_task(relax(client, "C", "CC"))
        while "relaxd_pending_molecules 2.0" not in (await client.get("/metrics")).text:
            await asyncio.sleep(0.01)
        refused = await client.post("/v1/relax", json={"molecules": ["C", "C"]})
        relaxer.gate.set()
        assert [outcome(result) for result in await running] == ["diffusion"] * 2
        again = await client.post("/v1/relax", json={"molecules": ["C", "C"]})
    assert refused.status_code == 429
    assert refused.json()["type"] == "urn:relaxd:error:limit:busy"
    assert int(refused.headers["Retry-After"]) >= 1
    assert again.status_code == 200


async def test_event_loop_is_free_while_the_model_runs(
    client: httpx.AsyncClient, relaxer: FakeRelaxer
) -> None:
    relaxer.gate.clear()
    running = asyncio.create_task(relax(client, "C"))
    for _ in range(20):
        assert (await client.get("/v1/health/ready")).status_code == 200
    assert not running.done()
    relaxer.gate.set()
    assert outcome((await running)[0]) == "diffusion"


async def test_concurrent_requests_share_forward_passes(
    client: httpx.AsyncClient, relaxer: FakeRelaxer
) -> None:
    relaxer.gate.clear()
    requests = [asyncio.create_task(relax(client, "C" * (1 + i % 9))) for i in range(64)]
    while "relaxd_pending_molecules 64.0" not in (await client.get("/metrics")).text:
        await asyncio.sleep(0.01)
    relaxer.gate.set()
    answers = await asyncio.gather(*requests)
    assert [answer[0].smiles for answer in answers] == ["C" * (1 + i % 9) for i in range(64)]
    metrics = (await client.get("/metrics")).text
    assert f"relaxd_forward_passes_total {float(relaxer.n_forward)}" in metrics
    assert f"relaxd_batch_molecules_count {float(len(relaxer.batches))}" in metrics
    assert relaxer.n_forward < 64
    assert sum(relaxer.batches) == 64
