"""Conformers by the service, with the model that ships."""

import asyncio
from collections.abc import AsyncIterator
from io import StringIO
from typing import Any

import ase.io
import httpx
import numpy as np
import pytest
from rdkit import Chem
from tests.service.conftest import serve, until_ready
from tests.service.doubles import thread_cluster
from tests.service.jobs.calls import ended, results, submit

from relaxd.client.schemas import RelaxResponse, Result
from relaxd.relax import Relaxer
from relaxd.service import Settings, create_app
from relaxd.service.store import Database, Keys, migrate

pytestmark = pytest.mark.anyio


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    settings = Settings(workers=1, max_pending=300, max_job_molecules=400)
    async with serve(create_app(settings, cluster=thread_cluster)) as client:
        await until_ready(client)
        yield client


async def relax(client: httpx.AsyncClient, molecules: list[Any], **options: Any) -> list[Result]:
    response = await client.post("/v1/relax", json={"molecules": molecules, **options})
    assert response.status_code == 200, response.text
    return RelaxResponse.model_validate_json(response.content).results


async def test_answer_is_that_of_the_library(client: httpx.AsyncClient) -> None:
    (result,) = await relax(client, ["CCCO"], conformers=30, keep=3)
    ensemble = Relaxer.load().conformers("CCCO", 30, keep=3)
    assert result.conformers_found == ensemble.n_found
    assert result.conformers is not None
    for told, found in zip(result.conformers, ensemble.conformers, strict=True):
        energy = pytest.approx(found.relative_energy_kcal_mol, abs=1e-3)
        assert told.relative_energy_kcal_mol == energy
        assert told.population == pytest.approx(found.population, abs=1e-3)
        assert (told.ranked_by, told.verdict.method) == ("gfn2-xtb", "diffusion")
        assert np.allclose(told.positions, found.relaxed.positions, atol=1e-3)
    assert result.positions == result.conformers[0].positions
    assert result.verdict == result.conformers[0].verdict


async def test_without_the_option_there_are_none(client: httpx.AsyncClient) -> None:
    (result,) = await relax(client, ["CCCO"])
    assert (result.conformers, result.conformers_found) == (None, None)


async def test_a_bad_molecule_harms_no_other(client: httpx.AsyncClient) -> None:
    frozen = {"smiles": "CCO", "frozen": [0]}
    without_bonds = {"xyz": "2\n\nFe 0 0 0\nCl 0 0 2.2\n", "multiplicity": 6}
    molecules = ["nonsense", frozen, "C[NH3+]", without_bonds, "O"]
    found = await relax(client, molecules, conformers=5, trajectory=True)
    codes = [result.error and result.error.type.rpartition(":")[2] for result in found]
    assert codes == ["unparsable-smiles", "frozen-conformers", None, "no-bonds", None]
    assert found[2].verdict is not None
    assert found[2].verdict.method == "gfn2-xtb"
    assert found[4].trajectory is not None
    assert found[4].conformers_found == 1


async def test_jobs_and_their_files(client: httpx.AsyncClient) -> None:
    job = await submit(client, ["CCCO", {"smiles": "C", "id": "methane"}], conformers=30, keep=2)
    assert (await ended(client, job))["state"] == "succeeded"
    propanol, methane = await results(client, job)
    assert [len(result["conformers"]) for result in (propanol, methane)] == [2, 1]

    async def file(format: str) -> httpx.Response:
        return await client.get(f"/v1/jobs/{job}/results", params={"format": format})

    supplier = Chem.SDMolSupplier()
    supplier.SetData((await file("sdf")).text, removeHs=False)
    mols = list(supplier)
    assert [mol.GetProp("_Name") for mol in mols] == ["0", "0", "methane"]
    told = [propanol["conformers"][0], propanol["conformers"][1], methane["conformers"][0]]
    frames = ase.io.read(StringIO((await file("extxyz")).text), ":", format="extxyz")
    for mol, atoms, conformer in zip(mols, frames, told, strict=True):
        energy = pytest.approx(conformer["relative_energy_kcal_mol"], abs=1e-3)
        assert float(mol.GetProp("relative_energy_kcal_mol")) == energy
        assert atoms.info["relative_energy_kcal_mol"] == energy
        assert float(mol.GetProp("population")) == pytest.approx(conformer["population"], abs=1e-3)
        assert mol.GetProp("ranked_by") == atoms.info["ranked_by"] == "gfn2-xtb"
        assert np.allclose(atoms.positions, conformer["positions"], atol=1e-6)
        assert np.allclose(mol.GetConformer().GetPositions(), atoms.positions, atol=1e-3)
    schema = (await file("qcschema")).json()[0]
    assert len(schema["extras"]["relaxd"]["conformers"]) == 2


async def test_a_file_has_the_options_in_the_query(client: httpx.AsyncClient) -> None:
    response = await client.post(
        "/v1/jobs",
        content=b"CCCO propanol\n",
        params={"conformers": 30, "keep": 2},
        headers={"Content-Type": "chemical/x-daylight-smiles"},
    )
    job = response.json()["id"]
    await ended(client, job)
    (result,) = await results(client, job)
    assert (result["id"], len(result["conformers"])) == ("propanol", 2)


async def test_too_many(client: httpx.AsyncClient) -> None:
    body = {"molecules": ["C"] * 4, "conformers": 100}
    refused = await client.post("/v1/relax", json=body)
    assert (refused.status_code, refused.json()["type"]) == (
        413,
        "urn:relaxd:error:limit:too-many-conformers",
    )
    assert "400 conformers" in refused.json()["detail"]
    job = await client.post("/v1/jobs", json=body | {"molecules": ["C"] * 5})
    assert (job.status_code, job.json()["type"]) == (
        413,
        "urn:relaxd:error:limit:too-many-molecules",
    )
    for out_of_range in ({"conformers": 0}, {"conformers": 1001}, {"keep": 0}):
        refused = await client.post("/v1/relax", json={"molecules": ["C"]} | out_of_range)
        assert refused.status_code == 422
    body = {"molecules": ["C"], "kind": "refine", "conformers": 5}
    refused = await client.post("/v1/jobs", json=body)
    assert (refused.status_code, "conformers" in refused.text) == (422, True)


async def test_each_conformer_counts_while_it_is_worked_on(client: httpx.AsyncClient) -> None:
    body = {"molecules": ["CCCCCC"], "conformers": 200}
    first = asyncio.create_task(client.post("/v1/relax", json=body))
    while "relaxd_pending_molecules 200.0" not in (await client.get("/metrics")).text:
        await asyncio.sleep(0.01)
    second = await client.post("/v1/relax", json=body)
    assert (second.status_code, second.json()["type"]) == (429, "urn:relaxd:error:limit:busy")
    assert (await first).status_code == 200


async def test_quota_counts_each_conformer() -> None:
    settings = Settings(workers=1)
    database = Database(settings.database)
    migrate(database)
    _, token = Keys(database).create("alice", molecules_per_day=100)
    database.close()
    async with serve(create_app(settings, cluster=thread_cluster)) as client:
        await until_ready(client)

        async def post(path: str, conformers: int) -> int:
            body = {"molecules": ["C", "O"], "conformers": conformers}
            headers = {"Authorization": f"Bearer {token}"}
            return (await client.post(path, json=body, headers=headers)).status_code

        assert await post("/v1/relax", 20) == 200
        assert await post("/v1/relax", 40) == 429
        assert await post("/v1/jobs", 40) == 429
        assert await post("/v1/jobs", 30) == 202
        assert await post("/v1/relax", 1) == 429


async def test_jobs_that_ask_for_other_conformers_are_others(client: httpx.AsyncClient) -> None:
    async def post(**options: Any) -> str:
        body = {"molecules": ["C"], "deduplicate": True, **options}
        return (await client.post("/v1/jobs", json=body)).json()["id"]

    assert await post(conformers=2) == await post(conformers=2)
    assert await post(conformers=2) != await post(conformers=3)
