"""Boltzmann sampling by jobs, with the model that ships."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from io import StringIO
from typing import Any

import ase.io
import httpx
import numpy as np
import psutil
import pytest
from rdkit import Chem
from tests.service.conftest import serve, until_ready
from tests.service.doubles import thread_cluster
from tests.service.jobs.calls import ended, job, results, submit

from relaxd.client.schemas import JobResult, SampleOptions
from relaxd.relax import BoltzmannSample, Relaxer
from relaxd.service import Settings, create_app
from relaxd.service.store import Database, Keys, migrate

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

FEW = {"n_samples": 50}

NO_BONDS = {
    "atomic_numbers": [1, 8, 1, 1, 1],
    "positions": [[0, 0, 0.97], [0, 0, 0], [0.9, 0, 0], [-0.9, 0, 0], [0, 0.9, -0.3]],
}
"""Atoms of the model's domain between which nobody knows the bonds."""


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    settings = Settings(workers=1, max_job_molecules=60_000)
    async with serve(create_app(settings, cluster=thread_cluster)) as client:
        await until_ready(client)
        yield client


@pytest.fixture(scope="module")
def butane() -> BoltzmannSample:
    """What the library draws."""
    return Relaxer.load().sample("CCCC", temperature=400, n_samples=50, seed=7)


async def sampled(
    client: httpx.AsyncClient, molecules: list[Any], **options: Any
) -> tuple[str, list[JobResult]]:
    """The id of a job that has ended, and its results."""
    id = await submit(client, molecules, kind="sample", sample=FEW | options)
    await ended(client, id)
    return id, [JobResult.model_validate(result) for result in await results(client, id)]


def assert_same(result: JobResult, expected: BoltzmannSample) -> None:
    found = result.sample
    assert found is not None
    assert (found.temperature, found.n_samples) == (expected.temperature, len(expected))
    assert found.effective_samples == pytest.approx(expected.effective_samples, rel=1e-3)
    assert found.weighed_by == expected.weighed_by
    assert np.allclose(found.positions, expected.positions, atol=1e-4)
    assert np.allclose(found.weights, expected.weights, atol=1e-4)
    assert found.conformer_of == expected.conformer_of.tolist()
    assert np.allclose(found.relative_energies_kcal_mol, expected.energies_kcal_mol, atol=1e-3)
    for told, conformer in zip(found.conformers, expected.conformers, strict=True):
        assert told.population == pytest.approx(conformer.population, abs=1e-4)
        assert np.allclose(told.positions, conformer.positions, atol=1e-2)
    for told, torsion in zip(found.torsions, expected.torsions, strict=True):
        assert told.atoms == torsion.atoms
        assert np.allclose(told.shares, torsion.shares, atol=1e-4)


async def test_result_is_that_of_the_library(
    client: httpx.AsyncClient, butane: BoltzmannSample
) -> None:
    molecule = {"smiles": "CCCC", "id": "butane"}
    id, (result,) = await sampled(client, [molecule], temperature=400, seed=7)
    assert_same(result, butane)
    assert (result.id, result.smiles) == ("butane", "CCCC")
    assert np.allclose(result.positions, butane.conformers[0].positions, atol=1e-2)
    assert result.verdict is not None
    assert (result.verdict.method, result.verdict.connectivity_kept) == ("diffusion", True)
    assert result.usage is not None
    assert result.usage.cpu_seconds > 0
    info = await job(client, id)
    assert info["sample"] == SampleOptions(temperature=400, n_samples=50, seed=7).model_dump()
    assert info["usage"]["cpu_seconds"] == result.usage.cpu_seconds


async def test_without_weights(client: httpx.AsyncClient) -> None:
    _, (result,) = await sampled(client, ["CCO"], reweight=False)
    assert result.sample is not None
    assert (result.sample.weighed_by, result.sample.relative_energies_kcal_mol) == (None, None)
    assert result.sample.effective_samples == pytest.approx(50)


async def test_a_bad_molecule_harms_no_other(client: httpx.AsyncClient) -> None:
    molecules = [
        "nonsense",
        "CCCl",
        "C#C",
        {"smiles": "CCO", "frozen": [0]},
        NO_BONDS,
        "CCO",
    ]
    id, found = await sampled(client, molecules)
    types = [result.error and result.error.type.removeprefix("urn:relaxd:") for result in found]
    assert types == [
        "error:input:unparsable-smiles",
        "error:input:out-of-domain",
        "error:input:linear-molecule",
        "error:input:frozen-conformers",
        "error:input:no-bonds",
        None,
    ]
    assert (await job(client, id))["state"] == "succeeded"


async def test_events_tell_how_far_it_is(client: httpx.AsyncClient) -> None:
    molecules = [{"smiles": "CCO", "id": "ethanol"}, "C"]
    id, _ = await sampled(client, molecules)
    text = (await client.get(f"/v1/jobs/{id}/events")).text
    told = [part for part in text.split("\n\n") if "event: sampling" in part]
    assert '{"index":0,"id":"ethanol","done":50,"total":100}' in told[0].replace(" ", "")
    assert any('{"index":0,"id":"ethanol","done":100' in part.replace(" ", "") for part in told)
    assert '"index":1,"id":null,"done":100,"total":100' in told[-1].replace(" ", "")


async def until_it_samples(client: httpx.AsyncClient, id: str) -> None:
    async with client.stream("GET", f"/v1/jobs/{id}/events") as response:
        async for line in response.aiter_lines():
            if line == "event: sampling":
                return


async def test_cancel_stops_what_runs_and_keeps_what_is_done(client: httpx.AsyncClient) -> None:
    id = await submit(client, ["C", "OCC(O)CO"], kind="sample", sample={"n_samples": 500})
    while not (await job(client, id))["counts"]["ok"]:
        await asyncio.sleep(0.1)
    await client.delete(f"/v1/jobs/{id}")
    info = await ended(client, id, seconds=2.0)
    assert (info["state"], info["counts"]["ok"], info["counts"]["cancelled"]) == ("cancelled", 1, 1)
    _, (after,) = await sampled(client, ["C"])
    assert after.status == "ok"


async def test_what_was_killed_is_drawn_again(
    client: httpx.AsyncClient, butane: BoltzmannSample
) -> None:
    asked = {"temperature": 400, "n_samples": 50, "seed": 7}
    id = await submit(client, ["CCCC"], kind="sample", sample=asked)
    await asyncio.create_task(until_it_samples(client, id))
    for server in psutil.Process().children():
        for worker in server.children():
            os.kill(worker.pid, signal.SIGKILL)
    await ended(client, id)
    (result,) = await results(client, id)
    assert_same(JobResult.model_validate(result), butane)


async def test_files_hold_every_geometry(client: httpx.AsyncClient) -> None:
    id, found = await sampled(client, [{"smiles": "CCO", "id": "ethanol"}, "nonsense", "C[NH3+]"])
    sample = found[0].sample
    assert sample is not None

    async def file(format: str) -> str:
        return (await client.get(f"/v1/jobs/{id}/results", params={"format": format})).text

    supplier = Chem.SDMolSupplier()
    supplier.SetData(await file("sdf"), removeHs=False)
    mols = list(supplier)
    frames = ase.io.read(StringIO(await file("extxyz")), ":", format="extxyz")
    assert (len(mols), len(frames)) == (50, 50)
    assert {mol.GetProp("_Name") for mol in mols} == {"ethanol"}
    for row, (mol, atoms) in enumerate(zip(mols, frames, strict=True)):
        assert np.allclose(atoms.positions, sample.positions[row], atol=1e-6)
        assert np.allclose(mol.GetConformer().GetPositions(), atoms.positions, atol=1e-3)
        assert float(mol.GetProp("weight")) == sample.weights[row]
        assert atoms.info["weight"] == pytest.approx(sample.weights[row])
        assert int(mol.GetProp("conformer")) == atoms.info["conformer"] == sample.conformer_of[row]
        energy = sample.relative_energies_kcal_mol[row]  # type: ignore[index]
        assert float(mol.GetProp("relative_energy_kcal_mol")) == energy
        assert atoms.info["relative_energy_kcal_mol"] == pytest.approx(energy)
        assert mol.GetProp("weighed_by") == atoms.info["weighed_by"] == "gfn2-xtb"
        assert not mol.HasProp("expected_error_kcal_mol")
    first = (await client.get(f"/v1/jobs/{id}/results", params={"format": "qcschema"})).json()[0]
    extras = first["extras"]["relaxd"]["sample"]
    assert extras["effective_samples"] == sample.effective_samples
    assert len(extras["conformers"]) == len(sample.conformers)
    assert {"positions", "weights", "conformer_of"}.isdisjoint(extras)
    assert first["provenance"]["routine"] == "sample"


async def test_a_file_has_the_options_in_the_query(client: httpx.AsyncClient) -> None:
    response = await client.post(
        "/v1/jobs",
        content=b"CCO ethanol\n",
        params={"kind": "sample", "n_samples": 20, "temperature": 500, "reweight": False},
        headers={"Content-Type": "chemical/x-daylight-smiles"},
    )
    id = response.json()["id"]
    await ended(client, id)
    (result,) = await results(client, id)
    sample = result["sample"]
    assert (sample["temperature"], sample["n_samples"]) == (500, 20)
    assert sample.get("weighed_by") is None


async def test_pages_hold_few_of_the_larger_samples(client: httpx.AsyncClient) -> None:
    id = await submit(client, ["nonsense"] * 3, kind="sample", sample={"n_samples": 10_000})
    await ended(client, id)
    page = (await client.get(f"/v1/jobs/{id}/results", params={"limit": 100})).json()
    assert ([result["index"] for result in page["results"]], page["next"]) == ([0, 1], "2")
    assert len(await results(client, id)) == 3


async def test_refusals(client: httpx.AsyncClient) -> None:
    async def post(**body: Any) -> tuple[int, str]:
        response = await client.post("/v1/jobs", json={"molecules": ["C"] * 4, **body})
        return response.status_code, response.text

    status, text = await post(kind="sample", sample={"n_samples": 20_000})
    assert (status, "limit:too-many-molecules" in text) == (413, True)
    assert "with 20000 geometries each" in text
    for options in ({"n_samples": 9}, {"temperature": 1}, {"seed": -1}, {"nonsense": 1}):
        assert (await post(kind="sample", sample=options))[0] == 422
    assert (await post(sample={}))[0] == 422
    assert (await post(kind="sample", conformers=2))[0] == 422


async def test_quota_counts_each_geometry() -> None:
    settings = Settings(workers=1)
    database = Database(settings.database)
    migrate(database)
    _, token = Keys(database).create("alice", molecules_per_day=100)
    database.close()
    async with serve(create_app(settings, cluster=thread_cluster)) as client:
        await until_ready(client)

        async def post(n_samples: int) -> int:
            options = {"kind": "sample", "sample": {"n_samples": n_samples}}
            headers = {"Authorization": f"Bearer {token}"}
            body = {"molecules": ["nonsense"], **options}
            return (await client.post("/v1/jobs", json=body, headers=headers)).status_code

        assert await post(60) == 202
        assert await post(60) == 429
        assert await post(40) == 202


async def test_jobs_that_ask_for_other_samples_are_others(client: httpx.AsyncClient) -> None:
    async def post(**options: Any) -> str:
        body = {"molecules": ["nonsense"], "kind": "sample", "sample": options}
        response = await client.post("/v1/jobs", json=body | {"deduplicate": True})
        return str(response.json()["id"])

    first = await post(temperature=300)
    assert await post(temperature=300) == first
    assert await post(temperature=310) != first
