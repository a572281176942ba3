"""The DFT energy of one geometry."""

import ase
from pyscf import dft, gto

from ._levels import TRAINING_LEVEL, Level
from ._units import HARTREE

GRID_LEVEL = 3
"""PySCF integration grid; level 1 moves gradients by 3e-4 Hartree/Bohr."""


class ScfConvergenceError(RuntimeError):
    """The self-consistent field did not converge; the message names the molecule and level."""


def single_point(
    atoms: ase.Atoms, level: Level = TRAINING_LEVEL, *, charge: int = 0, multiplicity: int = 1
) -> float:
    """Energy of a geometry by Kohn-Sham DFT with density fitting.

    Closed shells are restricted, open shells unrestricted.

    Args:
        atoms: species and positions (Angstrom).
        level: functional and basis.
        charge: total charge in units of e.
        multiplicity: spin multiplicity, 2S + 1.

    Returns:
        Total energy, eV.

    Raises:
        ScfConvergenceError: the SCF did not converge, also not by the second-order solver.
    """
    molecule = gto.M(
        atom=list(zip(atoms.get_chemical_symbols(), atoms.positions, strict=True)),
        unit="Angstrom",
        basis=level.basis,
        charge=charge,
        spin=multiplicity - 1,
        verbose=0,
    )
    scf = dft.KS(molecule, xc=level.xc).density_fit()
    scf.grids.level = GRID_LEVEL
    scf.kernel()
    if not scf.converged:
        scf = scf.newton()
        scf.kernel()
    if not scf.converged:
        raise ScfConvergenceError(f"{atoms.get_chemical_formula()}: no SCF convergence at {level}")
    return float(scf.e_tot) * HARTREE
