"""Loading, ready, draining; models and metrics."""

import asyncio
import sys
from typing import Any

import httpx
import pytest

from relaxd.client.schemas import ModelList
from relaxd.service import Settings, create_app

from . import doubles
from .conftest import Serve, serve, until_ready
from .doubles import FakeRelaxer

pytestmark = pytest.mark.anyio


def make_app(load: Any) -> Any:
    return create_app(
        Settings(workers=1), relaxer_factory=load, read=doubles.read, fallback=doubles.fallback
    )


async def test_not_ready_while_loading(relaxer: FakeRelaxer) -> None:
    relaxer.loaded.clear()
    async with serve(make_app(relaxer.load)) as client:
        assert (await client.get("/v1/health/live")).json() == {"status": "live"}
        for response in [
            await client.get("/v1/health/ready"),
            await client.get("/v1/models"),
            await client.post("/v1/relax", json={"molecules": ["C"]}),
        ]:
            assert response.status_code == 503
            assert response.json()["type"] == "urn:relaxd:error:resource:loading"
            assert "Retry-After" in response.headers
        relaxer.loaded.set()
        await until_ready(client)
        assert (await client.get("/v1/health/ready")).json() == {"status": "ready"}


async def test_server_that_cannot_load_asks_for_a_restart() -> None:
    def fail(model: str, device: str) -> Any:
        raise FileNotFoundError(model)

    async with serve(make_app(fail)) as client:
        while (live := await client.get("/v1/health/live")).is_success:
            await asyncio.sleep(0.01)
        assert live.status_code == 503
        assert live.json()["type"] == "urn:relaxd:error:resource:failed"
        assert (await client.get("/v1/health/ready")).status_code == 503


async def test_drain_answers_what_was_accepted(relaxer: FakeRelaxer) -> None:
    relaxer.gate.clear()
    app = make_app(relaxer.load)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        lifespan = app.router.lifespan_context(app)
        await lifespan.__aenter__()
        await until_ready(client)
        running = asyncio.create_task(client.post("/v1/relax", json={"molecules": ["C"]}))
        while "relaxd_pending_molecules 1.0" not in (await client.get("/metrics")).text:
            await asyncio.sleep(0.01)
        draining = asyncio.create_task(lifespan.__aexit__(None, None, None))
        while (refused := await client.get("/v1/health/ready")).is_success:
            await asyncio.sleep(0.01)
        late = await client.post("/v1/relax", json={"molecules": ["C"]})
        assert not draining.done()
        relaxer.gate.set()
        answer = await running
        await draining
    assert refused.json()["type"] == "urn:relaxd:error:resource:draining"
    assert late.status_code == 503
    assert answer.json()["results"][0]["status"] == "ok"


async def test_models(client: httpx.AsyncClient) -> None:
    answer = ModelList.model_validate_json((await client.get("/v1/models")).content)
    assert answer.default == "relaxd-small"
    assert answer.models[0].elements == [1, 6, 7, 8, 9]
    assert answer.models[0].accuracy == {"rmsd_median_angstrom": 0.03}
    assert {"smiles", "xyz", "sdf", "qcschema", "atomic_numbers"} <= set(answer.forms)
    assert "b3lyp/6-31g(2df,p)" in answer.levels


async def test_what_is_not_installed_is_not_offered(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "py2opsin", None)
    monkeypatch.setitem(sys.modules, "pyscf", None)
    answer = ModelList.model_validate_json((await client.get("/v1/models")).content)
    assert "iupac" not in answer.forms
    assert answer.levels == []


async def test_metrics(serving: Serve) -> None:
    async with serving() as client:
        body = {"molecules": ["C", "xenon", "unreadable"]}
        assert (await client.post("/v1/relax", json=body)).status_code == 200
        await client.get("/v1/nothing")
        await client.request("MADE-UP", "/v1/models")
        response = await client.get("/metrics")
    assert response.headers["Content-Type"].startswith("text/plain")
    for line in [
        'relaxd_requests_total{method="POST",route="/v1/relax",status="200"} 1.0',
        'relaxd_requests_total{method="GET",route="unmatched",status="404"} 1.0',
        'relaxd_requests_total{method="other",route="/v1/models",status="405"} 1.0',
        'relaxd_request_seconds_count{route="/v1/relax"} 1.0',
        'relaxd_molecules_total{method="diffusion",status="ok"} 1.0',
        'relaxd_molecules_total{method="gfn2-xtb",status="ok"} 1.0',
        'relaxd_molecules_total{method="",status="error"} 1.0',
        "relaxd_forward_passes_total 1.0",
        "relaxd_batch_molecules_count 1.0",
        "relaxd_pending_molecules 0.0",
    ]:
        assert line in response.text
