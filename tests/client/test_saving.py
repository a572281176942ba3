"""Results as files, written page by page."""

import json
from pathlib import Path
from typing import Any

import ase.io
import httpx
import pytest
from rdkit import Chem

from relaxd.client import InputError

from .doubles import FakeJob, FakeTime, problem


@pytest.fixture
def server() -> FakeJob:
    server = FakeJob(10, bad=[3, 4, 5])
    server.page_size = 2
    return server


@pytest.fixture
def job(handle: Any, server: FakeJob) -> Any:
    return handle(server, FakeTime(server.work))


def test_sdf(job: Any, tmp_path: Path) -> None:
    path = tmp_path / "out.sdf"
    assert job.save(path) == 7
    with Chem.SDMolSupplier(str(path)) as supplier:
        names = [mol.GetProp("_Name") for mol in supplier]
    assert names == ["m0", "m1", "m2", "m6", "m7", "m8", "m9"]


@pytest.mark.parametrize("name", ["out.xyz", "out.EXTXYZ"])
def test_xyz(job: Any, tmp_path: Path, name: str) -> None:
    assert job.save(str(tmp_path / name), status=None) == 7
    frames = ase.io.read(tmp_path / name, ":", format="extxyz")
    assert [atoms.info["id"] for atoms in frames][:4] == ["m0", "m1", "m2", "m6"]


@pytest.mark.parametrize(
    ("status", "indices"),
    [("ok", [0, 1, 2, 6, 7, 8, 9]), ("error", [3, 4, 5]), (None, list(range(10)))],
)
@pytest.mark.parametrize("suffix", [".json", ".jsonl"])
def test_json(job: Any, tmp_path: Path, suffix: str, status: Any, indices: list[int]) -> None:
    path = tmp_path / f"out{suffix}"
    assert job.save(path, status=status) == len(indices)
    text = path.read_text()
    results = json.loads(text) if suffix == ".json" else map(json.loads, text.splitlines())
    assert [result["index"] for result in results] == indices


@pytest.mark.parametrize(("name", "text"), [("a.json", "[]\n"), ("a.jsonl", ""), ("a.sdf", "")])
def test_nothing_to_write(handle: Any, tmp_path: Path, name: str, text: str) -> None:
    server = FakeJob(2, bad=[0, 1])
    server.work(2)
    assert handle(server, FakeTime()).save(tmp_path / name) == 0
    assert (tmp_path / name).read_text() == text


def test_file_is_whole_or_not_there(job: Any, server: FakeJob, tmp_path: Path) -> None:
    path = tmp_path / "out.sdf"
    path.write_text("from before")
    server.work(10)
    server.faults = [None, httpx.ReadError("cut"), None, problem(404, "input:unknown-job")]
    with pytest.raises(InputError):
        job.save(path)
    assert [file.read_text() for file in tmp_path.iterdir()] == ["from before"]
    job.save(path)
    assert [file.name for file in tmp_path.iterdir()] == ["out.sdf"]
    (tmp_path / "plain").touch()
    assert path.stat().st_mode == (tmp_path / "plain").stat().st_mode


@pytest.mark.parametrize(
    ("name", "status", "words"),
    [
        ("out.pdb", "ok", r"files named \.sdf, \.xyz"),
        ("out", "ok", "files named"),
        ("out.sdf", "error", "no geometry"),
        ("out.xyz", "error", "no geometry"),
    ],
)
def test_what_cannot_be_written(
    job: Any, server: FakeJob, tmp_path: Path, name: str, status: Any, words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        job.save(tmp_path / name, status=status)
    assert server.requests == []
    assert list(tmp_path.iterdir()) == []


def test_folder_that_is_not_there(job: Any, server: FakeJob, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        job.save(tmp_path / "none" / "out.sdf")
    assert server.requests == []
