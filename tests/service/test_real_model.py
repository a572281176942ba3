"""The service with the model that ships, as a user starts it."""

import asyncio
import re
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest

from relaxd.client.schemas import RelaxResponse
from relaxd.relax import Molecule, Relaxer, RelaxResult
from relaxd.service import Settings, create_app

from .conftest import serve, until_ready

pytestmark = pytest.mark.anyio

SMILES = ["CCO", "c1ccncc1O", "CC(=O)OCC(N)C=O", "NCC(=O)O"]


def metric(text: str, name: str) -> float:
    found = re.search(rf"^{name} (\S+)$", text, re.MULTILINE)
    assert found
    return float(found[1])


async def until(client: httpx.AsyncClient, line: str) -> None:
    """Wait until the metrics show a line."""
    while line not in (await client.get("/metrics")).text:
        await asyncio.sleep(0.01)


async def test_concurrent_requests_take_fewer_forward_passes_than_requests() -> None:
    gate = threading.Event()

    class Gated(Relaxer):
        def relax_in_domain(self, molecules: Sequence[Molecule]) -> list[RelaxResult]:
            gate.wait()
            return super().relax_in_domain(molecules)

    async with serve(create_app(Settings(workers=1), relaxer_factory=Gated.load)) as client:
        await until_ready(client)

        async def relax(smiles: str) -> Any:
            response = await client.post("/v1/relax", json={"molecules": [smiles]})
            return RelaxResponse.model_validate_json(response.content).results[0]

        requests = [asyncio.create_task(relax(smiles)) for smiles in SMILES * 16]
        await until(client, "relaxd_pending_molecules 64.0")
        await until(client, "relaxd_reading_molecules 0.0")
        gate.set()
        results = await asyncio.gather(*requests)
        text = (await client.get("/metrics")).text

    assert metric(text, "relaxd_forward_passes_total") < 64
    for smiles, result in zip(SMILES * 16, results, strict=True):
        assert (result.status, result.smiles) == ("ok", smiles)
        assert result.verdict.method == "diffusion"
        assert result.verdict.connectivity_kept
        assert result.relaxation.converged
        assert result.to_rdkit().GetNumAtoms() == len(result.positions)


async def test_one_request_and_a_batch_agree() -> None:
    async with serve(create_app(Settings(workers=1))) as client:
        await until_ready(client)
        batch = await client.post("/v1/relax", json={"molecules": SMILES})
        together = RelaxResponse.model_validate_json(batch.content).results
        for smiles, expected in zip(SMILES, together, strict=True):
            response = await client.post("/v1/relax", json={"molecules": [smiles]})
            (alone,) = RelaxResponse.model_validate_json(response.content).results
            assert alone.positions is not None
            for position, other in zip(alone.positions, expected.positions or [], strict=True):
                assert position == pytest.approx(other, abs=1e-3)


@pytest.mark.slow
async def test_a_network_that_cannot_be_compiled_fails_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("CXX", str(tmp_path / "no-compiler"))
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path / "cache"))
    settings = Settings(workers=1, compiled_in=tmp_path / "compiled")
    async with serve(create_app(settings)) as client:
        while (await client.get("/v1/health/live")).status_code == 200:
            await asyncio.sleep(0.1)
        ready = await client.get("/v1/health/ready")
    assert ready.json()["type"] == "urn:relaxd:error:resource:failed"
    assert "is there a C++ compiler?" in caplog.text
