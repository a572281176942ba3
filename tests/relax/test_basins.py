"""Which starts are of their minimum's basin: butane about its middle bond."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from rdkit import Chem
from rdkit.Chem import rdDistGeom, rdForceFieldHelpers, rdMolTransforms
from safetensors.numpy import save_file

from relaxd.model.data import Basin, PairDataset
from relaxd.relax import _basins as basins
from relaxd.relax import check_basins

N_ATOMS = 14


def butane(degrees: float, *, relaxed: bool) -> np.ndarray:
    """Positions with that torsion; of the minimum of MMFF94 near it, where relaxed."""
    mol = Chem.AddHs(Chem.MolFromSmiles("CCCC"))
    rdDistGeom.EmbedMolecule(mol, randomSeed=1)
    conformer = mol.GetConformer()
    rdMolTransforms.SetDihedralDeg(conformer, 0, 1, 2, 3, 180.0)
    rdForceFieldHelpers.MMFFOptimizeMolecule(mol)
    rdMolTransforms.SetDihedralDeg(conformer, 0, 1, 2, 3, degrees)
    if relaxed:
        rdForceFieldHelpers.MMFFOptimizeMolecule(mol, maxIters=2000)
    return conformer.GetPositions()


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    """Five molecules: validation, near, far of the same basin, far of another, without a start."""
    anti, gauche = butane(180, relaxed=True), butane(65, relaxed=True)
    starts = [gauche, butane(178, relaxed=False), butane(140, relaxed=False), gauche, anti]
    path = tmp_path / "pairs.safetensors"
    arrays = {
        "index": np.array([3, 1, 2, 4, 5], np.int32),
        "n_atoms": np.full(5, N_ATOMS, np.uint8),
        "atomic_numbers": np.tile([6] * 4 + [1] * 10, 5).astype(np.uint8),
        "positions": np.concatenate([anti] * 5).astype(np.float32),
        "start_positions": np.concatenate(starts).astype(np.float32),
        "has_start": np.array([True] * 4 + [False]),
        "n_bonds": np.zeros(5, np.uint8),
        "bonds": np.zeros((0, 2), np.uint8),
        "bond_orders": np.zeros(0, np.float32),
    }
    save_file(arrays, path)
    return path


def test_far_starts_are_told_apart(pairs: Path, tmp_path: Path) -> None:
    path = tmp_path / "new" / "basins.npy"
    found = check_basins(pairs, path, workers=1)
    known = [Basin.UNKNOWN, Basin.UNKNOWN, Basin.SAME, Basin.OTHER, Basin.UNKNOWN]
    assert np.load(path).tolist() == known
    assert found == {Basin.UNKNOWN: 3, Basin.SAME: 1, Basin.OTHER: 1}
    dataset = PairDataset(pairs, basins=path)
    assert dataset.gather(dataset.molecules).basin.tolist() == known[1:]


def test_what_is_known_is_not_computed_again(
    pairs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "basins.npy"
    np.save(path, np.array([-1, -1, -1, 1, -1], np.int8))  # as if: the fourth is of another
    monkeypatch.setattr(basins, "CHUNK", 1)
    check_basins(pairs, path, workers=2)
    assert np.load(path).tolist() == [-1, -1, 1, 1, -1]


AFTER_TORCH = """
import pathlib, sys, torch
from relaxd.relax import check_basins
square = torch.rand(1000, 1000)
square @ square + square.exp()
check_basins(*map(pathlib.Path, sys.argv[1:]), workers=1)
"""


def test_a_process_that_has_used_several_threads_checks_too(pairs: Path, tmp_path: Path) -> None:
    path = tmp_path / "basins.npy"
    command = [sys.executable, "-c", AFTER_TORCH, str(pairs), str(path)]
    subprocess.run(command, env={**os.environ, "OMP_NUM_THREADS": "2"}, check=True, timeout=300)
    assert np.load(path).tolist() == [-1, -1, 1, 0, -1]


def test_a_file_of_other_pairs_is_refused(pairs: Path, tmp_path: Path) -> None:
    path = tmp_path / "basins.npy"
    np.save(path, np.zeros(4, np.int8))
    with pytest.raises(ValueError, match=r"basins\.npy: 4 molecules, not 5"):
        check_basins(pairs, path)
