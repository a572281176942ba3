"""Sampled geometries as ASE and RDKit objects, for those who have these packages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from relaxd.client import _convert
from relaxd.client._optional import require

if TYPE_CHECKING:
    import ase
    from rdkit import Chem

    from relaxd.client.schemas import Result, Sample


def samples_to_ase(result: Result) -> list[ase.Atoms]:
    """Return the sampled geometries of a result whose status is `ok`.

    Raises:
        ValueError: nothing was sampled.
        ModuleNotFoundError: ASE is not installed.
    """
    sample = _sample(result)
    frames = []
    for row, positions in enumerate(sample.positions):
        atoms = _convert.to_ase(result)
        atoms.set_positions(positions)
        atoms.info.update(temperature=sample.temperature, **_told(sample, row))
        frames.append(atoms)
    return frames


def samples_to_rdkit(result: Result) -> Chem.Mol:
    """Return the molecule of a result whose status is `ok`, with a conformer for each geometry.

    Raises:
        ValueError: nothing was sampled.
        ModuleNotFoundError: RDKit is not installed.
    """
    sample = _sample(result)
    molecule = _convert.to_rdkit(result)
    molecule.RemoveAllConformers()
    chem, geometry = require("rdkit.Chem"), require("rdkit.Geometry")
    for row, positions in enumerate(sample.positions):
        conformer = chem.Conformer(len(positions))
        conformer.Set3D(True)
        for atom, position in enumerate(positions):
            conformer.SetAtomPosition(atom, geometry.Point3D(*position))
        for name, value in _told(sample, row).items():
            (conformer.SetIntProp if name == "conformer" else conformer.SetDoubleProp)(name, value)
        molecule.AddConformer(conformer, assignId=True)
    return molecule


def _sample(result: Result) -> Sample:
    if result.sample is None:
        raise ValueError("no conformations of this molecule were sampled")
    return result.sample


def _told(sample: Sample, row: int) -> dict[str, float]:
    """Return what is told of one geometry."""
    told = {"weight": sample.weights[row], "conformer": sample.conformer_of[row]}
    energies = sample.relative_energies_kcal_mol
    energy = None if energies is None else energies[row]
    return told if energy is None else told | {"relative_energy_kcal_mol": energy}
