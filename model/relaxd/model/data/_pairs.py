"""MMFF94 geometries beside the DFT minima they belong to, made once and kept in one file."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import rdkit
from rdkit import Chem, rdBase
from rdkit.Chem import rdDetermineBonds, rdForceFieldHelpers
from safetensors.numpy import save_file
from tqdm import tqdm

from ._geometries import Geometries

MMFF94_MAX_ITERATIONS = 5000
"""Steps MMFF94 may take before a molecule counts as not converged."""

CHUNK = 256
"""Molecules that one task of a worker process handles."""


@dataclass(frozen=True)
class Pair:
    """What the classical side of the data knows of one DFT minimum.

    Attributes:
        start: (n, 3) float32, MMFF94 minimum reached from the DFT minimum, Angstrom; or None.
        bonds: (b, 2) uint8, bonded atoms; empty where bonds could not be perceived.
        orders: (b,) float32, bond orders, 1.5 for aromatic bonds.
        skipped: why there is no start, or None.
    """

    start: npt.NDArray[np.float32] | None
    bonds: npt.NDArray[np.uint8]
    orders: npt.NDArray[np.float32]
    skipped: str | None


def perceive(atomic_numbers: npt.NDArray[np.uint8], positions: npt.NDArray[np.float32]) -> Chem.Mol:
    """Neutral RDKit molecule with bonds perceived from a geometry.

    Args:
        atomic_numbers: (n,).
        positions: (n, 3), Angstrom.

    Raises:
        ValueError: RDKit finds no valid bonds.
    """
    mol = Chem.RWMol()
    conformer = Chem.Conformer(len(atomic_numbers))
    for i, (number, position) in enumerate(zip(atomic_numbers, positions, strict=True)):
        mol.AddAtom(Chem.Atom(int(number)))
        conformer.SetAtomPosition(i, position.astype(float))
    mol.AddConformer(conformer)
    rdDetermineBonds.DetermineBonds(mol, charge=0)
    Chem.SanitizeMol(mol)
    return mol.GetMol()


def make_pair(atomic_numbers: npt.NDArray[np.uint8], positions: npt.NDArray[np.float32]) -> Pair:
    """Perceives bonds and relaxes with MMFF94, staying in the conformer of `positions`.

    Args:
        atomic_numbers: (n,).
        positions: (n, 3), Angstrom.
    """
    no_bonds = np.zeros((0, 2), np.uint8), np.zeros(0, np.float32)
    try:
        mol = perceive(atomic_numbers, positions)
    except (ValueError, RuntimeError):
        return Pair(None, *no_bonds, skipped="no bonds perceived")
    atoms = [(b.GetBeginAtomIdx(), b.GetEndAtomIdx()) for b in mol.GetBonds()]
    bonds = np.array(atoms, dtype=np.uint8).reshape(-1, 2)
    orders = np.array([b.GetBondTypeAsDouble() for b in mol.GetBonds()], dtype=np.float32)
    if not rdForceFieldHelpers.MMFFHasAllMoleculeParams(mol):
        return Pair(None, bonds, orders, skipped="no MMFF94 parameters")
    if rdForceFieldHelpers.MMFFOptimizeMolecule(mol, maxIters=MMFF94_MAX_ITERATIONS) != 0:
        return Pair(None, bonds, orders, skipped="MMFF94 did not converge")
    return Pair(mol.GetConformer().GetPositions().astype(np.float32), bonds, orders, skipped=None)


def write_pairs(geometries: Geometries, path: Path, workers: int = 2) -> Counter[str]:
    """Makes the pair of every geometry and writes them all to one safetensors file.

    Molecules without a pair stay in the file with `has_start` false: noise alone can still be
    learned from them. The file appears whole or not at all.

    Args:
        geometries: the DFT minima.
        path: file to write.
        workers: processes.

    Returns:
        How many molecules were skipped, by reason.
    """
    molecules = list(geometries)
    with ProcessPoolExecutor(workers, initializer=_silence) as pool:
        pairs = list(
            tqdm(_in_chunks(pool, molecules), total=len(molecules), desc="MMFF94", unit="mol")
        )
    skipped = Counter(pair.skipped for pair in pairs if pair.skipped is not None)
    starts = [
        positions if pair.start is None else pair.start
        for pair, (_, positions) in zip(pairs, molecules, strict=True)
    ]
    arrays = {
        "index": geometries.index,
        "n_atoms": geometries.n_atoms,
        "atomic_numbers": geometries.atomic_numbers,
        "positions": geometries.positions,
        "start_positions": np.concatenate(starts),
        "has_start": np.array([pair.start is not None for pair in pairs]),
        "n_bonds": np.array([len(pair.bonds) for pair in pairs], dtype=np.uint8),
        "bonds": np.concatenate([pair.bonds for pair in pairs]),
        "bond_orders": np.concatenate([pair.orders for pair in pairs]),
    }
    metadata = {
        "source_sha256": hashlib.sha256(geometries.positions.tobytes()).hexdigest(),
        "rdkit": rdkit.__version__,
        "skipped": json.dumps(skipped),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    save_file(arrays, partial, metadata)
    partial.replace(path)
    return skipped


def _silence() -> None:
    rdBase.DisableLog("rdApp.*")


def _in_chunks(
    pool: ProcessPoolExecutor,
    molecules: list[tuple[npt.NDArray[np.uint8], npt.NDArray[np.float32]]],
) -> Iterator[Pair]:
    numbers, positions = zip(*molecules, strict=True)
    return pool.map(make_pair, numbers, positions, chunksize=CHUNK)
