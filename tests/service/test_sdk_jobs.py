"""Jobs by the SDK, against the service as a user starts it: the shipped model, DFT, restarts."""

import asyncio
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path

import ase.io
import pytest
from rdkit import Chem

from relaxd.client import AsyncClient, Client, InputError, Job, Molecule
from relaxd.client.schemas import JobResult
from relaxd.service.testing import free_port, running_service

pytestmark = pytest.mark.slow

SMILES = ["CCO", "nonsense", r"F/C=C\F", "O"]

SECONDS = 240.0
"""For a job to end, however busy the machine is."""


def service(folder: Path, port: int) -> AbstractContextManager[str]:
    flags = [f"--database=sqlite:///{folder / 'relaxd.db'}", f"--journals={folder / 'journals'}"]
    flags += ["--workers=1", "--job-workers=1", "--lease-seconds=5"]
    return running_service(*flags, log=folder / "service.log", port=port)


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with service(tmp_path_factory.mktemp("service"), free_port()) as url:
        yield url


@pytest.fixture(scope="module")
def client(url: str) -> Iterator[Client]:
    with Client(url) as client:
        yield client


@pytest.fixture(scope="module")
def relaxed(client: Client) -> Job:
    """A job that has ended."""
    job = client.submit(SMILES, name="four", tags=["a", "b"])
    assert job.wait(SECONDS).state == "succeeded"
    return job


def test_results_keep_their_order(relaxed: Job) -> None:
    assert (relaxed.info.counts.ok, relaxed.info.counts.error) == (3, 1)
    results = relaxed.result()
    assert [result.index for result in results] == [0, 1, 2, 3]
    assert [result.smiles for result in results if result.status == "ok"] == [
        "CCO",
        r"F/C=C\F",
        "O",
    ]
    with pytest.raises(InputError, match="not a SMILES"):
        results[1].raise_for_status()
    assert [result.index for result in relaxed.results("error")] == [1]
    assert results[0].usage is not None
    assert relaxed.info.usage is not None


def test_events_are_the_same_each_time(relaxed: Job) -> None:
    events = list(relaxed.events())
    assert [event.data.get("state") for event in events if event.event == "state"] == [
        "queued",
        "running",
        "succeeded",
    ]
    assert list(relaxed.events(after=events[1].id)) == events[2:]
    assert list(relaxed.events(after=events[-1].id)) == []


@pytest.mark.parametrize("suffix", ["sdf", "xyz", "extxyz", "json", "jsonl"])
def test_save(relaxed: Job, tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"out.{suffix}"
    assert relaxed.save(path) == 3
    if suffix == "sdf":
        found = [Chem.MolToSmiles(Chem.RemoveHs(mol)) for mol in Chem.SDMolSupplier(str(path))]
    elif suffix.endswith("xyz"):
        found = [atoms.info["smiles"] for atoms in ase.io.read(path, ":", format="extxyz")]
    elif suffix == "json":
        found = [result["smiles"] for result in json.loads(path.read_text())]
    else:
        found = [json.loads(line)["smiles"] for line in path.read_text().splitlines()]
    assert found == ["CCO", r"F/C=C\F", "O"]


def test_a_file_is_sent_as_it_is(client: Client, tmp_path: Path) -> None:
    path = tmp_path / "set.smi"
    path.write_text("C methane\nCC\n")
    results = client.submit(path, name="file").result(SECONDS)
    assert [(result.id, result.smiles) for result in results] == [("methane", "C"), (None, "CC")]
    (again,) = client.submit([results[0]]).result(SECONDS)
    assert (again.id, again.status) == ("methane", "ok")


def test_refine_tells_its_steps(client: Client, capsys: pytest.CaptureFixture[str]) -> None:
    job = client.refine(["O"], level="hf/sto-3g", frequencies=True)
    info = job.wait(SECONDS, progress=True)
    assert "1/1" in capsys.readouterr().err
    (result,) = job.result()
    steps = [event.data for event in job.events() if event.event == "step"]
    assert info.state == "succeeded"
    assert result.dft is not None
    assert (result.dft.converged, result.dft.is_minimum) == (True, True)
    assert result.dft.energy_hartree == pytest.approx(-74.96599, abs=1e-4)
    assert [step["n_gradients"] for step in steps] == [*range(1, result.dft.n_gradients + 1)]


def test_sample(client: Client, url: str, tmp_path: Path) -> None:
    job = client.sample(["CCO", "nonsense"], temperature=350, n_samples=50)
    result, failed = job.result(SECONDS)
    told = [event.data for event in job.events() if event.event == "sampling"]
    assert {"index": 0, "id": None, "done": 100, "total": 100} in told
    assert (failed.status, result.verdict and result.verdict.method) == ("error", "diffusion")
    assert job.save(tmp_path / "samples.sdf") == job.save(tmp_path / "samples.xyz") == 50
    assert job.save(tmp_path / "samples.json") == 1
    assert sum(atoms.info["weight"] for atoms in result.samples_to_ase()) == pytest.approx(1)
    assert result.samples_to_rdkit().GetNumConformers() == 50

    async def again() -> list[JobResult]:
        async with AsyncClient(url) as other:
            job = await other.sample(["CCO"], temperature=350, n_samples=50)
            return await job.result(SECONDS)

    (same,) = asyncio.run(again())
    assert same.sample is not None
    assert result.sample is not None
    assert same.sample.weights == result.sample.weights


def test_find_jobs(client: Client, relaxed: Job) -> None:
    assert client.job(relaxed.id).info == relaxed.info
    assert [job.id for job in client.jobs(tag="a", kind="relax", state="succeeded")] == [relaxed.id]
    assert relaxed.id not in [job.id for job in client.jobs(kind="refine")]
    assert client.submit(SMILES, deduplicate=True).id == relaxed.id


def test_cancel_and_delete(client: Client, tmp_path: Path) -> None:
    job = client.refine(["O", "CCCCCCCC"], level="hf/6-31g")
    with pytest.raises(InputError) as caught:
        job.delete()
    assert caught.value.type == "urn:relaxd:error:input:job-not-final"
    next(event for event in job.events() if event.event == "step" and event.data["index"] == 1)
    assert job.cancel().cancel_requested
    info = job.wait(SECONDS)
    assert (info.state, info.counts.ok, info.counts.cancelled) == ("cancelled", 1, 1)
    assert job.save(tmp_path / "done.sdf") == 1
    (last,) = job.results("error")
    assert last.error is not None
    assert last.error.type == "urn:relaxd:error:resource:cancelled"
    assert job.cancel().state == "cancelled"
    job.delete()
    job.delete()
    with pytest.raises(InputError, match="no job"):
        client.job(job.id)


def test_async(url: str) -> None:
    async def main() -> None:
        async with AsyncClient(url) as client:
            jobs = [await client.submit([Molecule(smiles="C" * n)]) for n in (1, 2)]
            answers = await asyncio.gather(*(job.result(SECONDS) for job in jobs))
            assert [answer[0].smiles for answer in answers] == ["C", "CC"]
            assert [event.event async for event in jobs[0].events()][-1] == "state"
            assert {job.id async for job in client.jobs()} >= {job.id for job in jobs}

    asyncio.run(main())


def test_restart_is_not_seen(tmp_path: Path) -> None:
    port = free_port()
    with Client(f"http://127.0.0.1:{port}") as client, ThreadPoolExecutor(1) as threads:
        with service(tmp_path, port):
            job = client.refine(["CCO", "O"], level="hf/sto-3g")
            next(event for event in job.events() if event.event == "step")
            waiting = threads.submit(job.result, SECONDS)
        with service(tmp_path, port):
            results = waiting.result()
    assert [result.status for result in results] == ["ok", "ok"]
