"""Requests and jobs that name a model."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from relaxd.service import Settings, _offered

from . import doubles
from .conftest import Serve
from .jobs.calls import ended, results, submit

pytestmark = pytest.mark.anyio

Models = dict[str, doubles.FakeRelaxer]


@pytest.fixture
def models(monkeypatch: pytest.MonkeyPatch) -> Models:
    """A model of one's own, and two that ship."""
    monkeypatch.setattr(_offered, "model_names", lambda: ["large", "small"])
    return {name: doubles.FakeRelaxer(name) for name in ("large", "mine", "small")}


@pytest.fixture
async def client(serving: Serve, models: Models) -> AsyncIterator[httpx.AsyncClient]:
    async with serving(lambda model, _: models[model], model="mine") as client:
        yield client


async def test_those_that_ship_are_offered_beside_the_servers_own(
    client: httpx.AsyncClient,
) -> None:
    offered = (await client.get("/v1/models")).json()
    assert offered["default"] == "mine"
    assert [model["name"] for model in offered["models"]] == ["mine", "large", "small"]


async def test_a_model_that_ships_may_be_hidden_by_ones_own(models: Models) -> None:
    loaded = []
    own = doubles.FakeRelaxer("small")

    def load(model: str, _: str) -> doubles.FakeRelaxer:
        loaded.append(model)
        return own if model == "runs/small.safetensors" else models[model]

    offered = _offered.load_relaxers(Settings(model="runs/small.safetensors"), load)
    assert offered == [own, models["large"]]
    assert loaded == ["runs/small.safetensors", "large"]


async def test_a_request_goes_to_the_model_it_names(
    client: httpx.AsyncClient, models: Models
) -> None:
    answer = await client.post("/v1/relax", json={"molecules": ["CC"], "model": "large"})
    assert answer.json()["model"] == "large"
    plain = await client.post("/v1/relax", json={"molecules": ["C", "CC"]})
    assert plain.json()["model"] == "mine"
    assert sum(models["large"].batches) == 1
    assert sum(models["mine"].batches) == 2
    assert models["small"].batches == []


@pytest.mark.parametrize("options", [{}, {"kind": "refine", "refine": {"level": "hf/sto-3g"}}])
async def test_a_job_goes_to_the_model_it_names(
    client: httpx.AsyncClient, models: Models, options: dict[str, object]
) -> None:
    job = await submit(client, ["C"], model="small", **options)
    await ended(client, job)
    assert len(await results(client, job)) == 1
    assert models["small"].batches == [1]
    assert models["mine"].batches == models["large"].batches == []


@pytest.mark.parametrize("path", ["/v1/relax", "/v1/jobs"])
async def test_an_unknown_model_is_refused_by_the_names_of_those_there_are(
    client: httpx.AsyncClient, path: str
) -> None:
    answer = await client.post(path, json={"molecules": ["C"], "model": "other"})
    assert answer.status_code == 422
    assert answer.json()["detail"] == "There is no model 'other', but mine, large, small."


async def test_a_model_that_holds_its_batch_does_not_hold_that_of_another(
    client: httpx.AsyncClient, models: Models
) -> None:
    models["large"].gate.clear()
    try:
        slow = client.post("/v1/relax", json={"molecules": ["C"], "model": "large"})
        waiting = asyncio.create_task(slow)
        answer = await client.post("/v1/relax", json={"molecules": ["C"]})
        assert answer.json()["results"][0]["status"] == "ok"
        assert not waiting.done()
        models["large"].gate.set()
        assert (await waiting).json()["results"][0]["status"] == "ok"
    finally:
        models["large"].gate.set()


async def test_a_job_whose_model_has_gone_says_so_of_each_molecule(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As after a restart with other models.
    monkeypatch.setattr("relaxd.service._engine.Engine.check_model", lambda *_: None)
    job = await submit(client, ["CC", "C"], model="gone")
    assert (await ended(client, job))["state"] == "failed"
    found = await results(client, job)
    types = [result["error"]["type"] for result in found]
    assert types == ["urn:relaxd:error:input:unknown-model"] * 2
