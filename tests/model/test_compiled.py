"""The network as machine code does what the network does, and nothing else passes for it."""

import dataclasses
import re
import shutil
from pathlib import Path

import pytest
import torch
from tests.model.networks import apart, clouds

from relaxd.model import CompilationError, LoadedModel, MoleculeBatch, compiled, load_model
from relaxd.model._compiled import LARGEST_DEVIATION, _fingerprint, deviation

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def model() -> LoadedModel:
    return load_model()


@pytest.fixture(scope="module")
def folder(tmp_path_factory, model) -> Path:
    """With the compiled network of the shipped model: to compile takes a minute."""
    if shutil.which("g++") is None:
        pytest.skip("no C++ compiler")
    folder = tmp_path_factory.mktemp("compiled")
    compiled(model, folder)
    return folder


@pytest.mark.parametrize("shape", [(1, 1), (1, 2), (1, 3), (1, 29), (2, 1), (3, 40), (200, 9)])
def test_it_takes_batches_of_any_shape(folder, model, shape):
    assert apart(compiled(model, folder), model, clouds(*shape)) < LARGEST_DEVIATION


def test_it_takes_molecules_of_unknown_bonds_and_padding(folder, model):
    describe = compiled(model, folder)
    batch = clouds(4, 12)
    numbers, positions = batch.atomic_numbers.clone(), batch.positions.clone()
    numbers[1, 7:], positions[1, 7:] = 0, 0.0
    padded = MoleculeBatch(numbers, positions)
    assert apart(describe, model, padded) < LARGEST_DEVIATION


def test_it_sees_the_bonds(folder, model):
    batch, sigma = clouds(4, 2), torch.full((4,), 0.1)
    bonds = 2.0 * (1 - torch.eye(2)).repeat(4, 1, 1)
    positions = [
        compiled(model, folder)(MoleculeBatch(batch.atomic_numbers, batch.positions, b), sigma)[0]
        for b in (bonds, None)
    ]
    assert deviation(*positions) > 5 * LARGEST_DEVIATION


def test_it_is_compiled_once(folder, model):
    (package,) = folder.glob("*.pt2")
    before = package.stat().st_mtime_ns
    compiled(model, folder)
    assert package.stat().st_mtime_ns == before


def test_another_model_or_number_of_threads_is_another_network(model):
    threads = torch.get_num_threads()
    kept = _fingerprint(model, threads)
    assert _fingerprint(dataclasses.replace(model), threads) == kept
    assert _fingerprint(dataclasses.replace(model, sha256="0"), threads) != kept
    assert _fingerprint(model, threads + 1) != kept


def test_a_network_of_other_results_is_refused(folder, model):
    changed = load_model()
    changed.denoiser.readout.weight += 0.1
    with pytest.raises(CompilationError, match="gives other results than the network"):
        compiled(changed, folder)
    compiled(model, folder)


def test_a_damaged_file_is_named(tmp_path, folder, model):
    (package,) = folder.glob("*.pt2")
    damaged = tmp_path / package.name
    damaged.write_bytes(package.read_bytes()[:1000])
    with pytest.raises(CompilationError, match=re.escape(str(damaged))):
        compiled(model, tmp_path)


def test_a_compiler_that_fails_says_why(tmp_path, model, monkeypatch):
    monkeypatch.setenv("CXX", str(tmp_path / "no-compiler"))
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path / "cache"))
    with pytest.raises(CompilationError, match="C\\+\\+ compiler") as failure:
        compiled(model, tmp_path / "folder")
    assert "no-compiler" in str(failure.value)
    assert not list((tmp_path / "folder").glob("*.pt2"))
