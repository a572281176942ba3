"""Energies in kT for Metropolis runs, and molecular dynamics with GFN2-xTB."""

from typing import Any

import numpy as np
import numpy.typing as npt
from ase import units
from ase.md.langevin import Langevin
from ase.md.velocitydistribution import MaxwellBoltzmannDistribution
from ase.units import Bohr, Hartree, kB, kcal, mol
from rdkit import Chem
from rdkit.Chem import rdForceFieldHelpers
from tblite.ase import TBLite
from tblite.exceptions import TBLiteRuntimeError
from tblite.interface import Calculator

from relaxd.relax import Molecule

Array = npt.NDArray[np.float64]

TEMPERATURE = 298.15
KT = kB * TEMPERATURE


def gfn2(molecule: Molecule) -> Any:
    """GFN2-xTB energy in kT."""
    calculator = Calculator("GFN2-xTB", molecule.atomic_numbers, molecule.positions / Bohr)
    calculator.set("verbosity", 0)

    def energy(x: Array) -> float:
        calculator.update(x / Bohr)
        try:
            return float(calculator.singlepoint().get("energy")) * Hartree / KT
        except TBLiteRuntimeError:
            return float("inf")

    return energy


def mmff94(molecule: Molecule) -> Any:
    """MMFF94 energy in kT."""
    graph = Chem.Mol(molecule.rdmol)
    properties = rdForceFieldHelpers.MMFFGetMoleculeProperties(graph)
    field = rdForceFieldHelpers.MMFFGetMoleculeForceField(graph, properties, nonBondedThresh=1000.0)

    def energy(x: Array) -> float:
        return float(field.CalcEnergy(x.ravel().tolist())) * (kcal / mol) / KT

    return energy


def dynamics(molecule: Molecule, n_steps: int) -> Array:
    """(n_steps / 10, n, 3) geometries of Langevin dynamics with GFN2-xTB, a step of 1 fs."""
    atoms = molecule.to_atoms()
    atoms.calc = TBLite(method="GFN2-xTB", verbosity=0)
    generator = np.random.default_rng(0)
    MaxwellBoltzmannDistribution(atoms, temperature_K=TEMPERATURE, rng=generator)
    run = Langevin(
        atoms,
        units.fs,
        temperature_K=TEMPERATURE,
        friction=0.01 / units.fs,
        fixcm=False,
        rng=generator,
    )
    frames: list[Array] = []
    run.attach(lambda: frames.append(atoms.get_positions()), interval=10)
    run.run(n_steps)
    return np.stack(frames)
