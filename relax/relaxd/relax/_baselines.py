"""The cheap methods to compare with, and to fall back on: MMFF94 and GFN2-xTB."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from ase.calculators.calculator import CalculatorError
from ase.optimize import BFGS
from rdkit import rdBase
from rdkit.Chem import rdtrajectory  # noqa: F401 - makes MinimizeTrajectory's result a type
from tblite.ase import TBLite

from ._errors import MoleculeError
from ._force_field import KCAL_MOL, force_field_for, hessian, make_force_field
from ._molecule import Molecule, with_conformer

SOFTEST = 0.3
"""eV/Angstrom^2; eigenvalues of the model Hessian are raised to this."""

FMAX = 0.02
"""eV/Angstrom; on QM9 molecules this leaves a gradient norm of 5e-4 to 1e-3 Hartree/Bohr, where
`xtb --opt normal` asks for 1e-3."""


@dataclass(frozen=True, slots=True, eq=False)
class Baseline:
    """A geometry from a cheap method.

    Attributes:
        trajectory: (k, n, 3), Angstrom: the start, the geometry after each step of GFN2-xTB, and
            last the relaxed one.
        energy_ev: the method's energy there, eV.
        converged: whether the method's criterion was met.
        n_steps: steps taken.
        method: its name.
    """

    trajectory: npt.NDArray[np.float64]
    energy_ev: float
    converged: bool
    n_steps: int
    method: str

    @property
    def positions(self) -> npt.NDArray[np.float64]:
        """(n, 3), Angstrom: where it ended."""
        end: npt.NDArray[np.float64] = self.trajectory[-1]
        return end


def mmff94(molecule: Molecule, max_steps: int = 5000) -> Baseline:
    """Relaxes with MMFF94 (doi 10.1002/jcc.540170499), frozen atoms held.

    Raises:
        MoleculeError: no-bonds; no-force-field, where an atom has no parameters; or
            force-field-failed.
    """
    if molecule.rdmol is None:
        raise MoleculeError("no-bonds", "MMFF94 needs bonds, and none are known", molecule.id)
    if force_field_for(molecule.rdmol) != "mmff94":
        raise MoleculeError("no-force-field", "an atom has no MMFF94 parameters", molecule.id)
    rdmol = with_conformer(molecule.rdmol, molecule.positions)
    force_field = make_force_field(rdmol, "mmff94")
    for i in molecule.frozen:
        force_field.AddFixedPoint(i)
    try:
        with rdBase.BlockLogs():
            status, steps = force_field.MinimizeTrajectory(1, maxIts=max_steps)
    except RuntimeError as error:
        raise MoleculeError(
            "force-field-failed", "the line search of MMFF94 found no way down", molecule.id
        ) from error
    return Baseline(
        trajectory=np.stack([molecule.positions, rdmol.GetConformer().GetPositions()]),
        energy_ev=force_field.CalcEnergy() * KCAL_MOL,
        converged=status == 0,
        n_steps=len(steps),
        method="mmff94",
    )


def gfn2_xtb(molecule: Molecule, fmax: float = FMAX, max_steps: int = 500) -> Baseline:
    """Relaxes with GFN2-xTB (doi 10.1021/acs.jctc.8b01176), frozen atoms held.

    The optimiser is BFGS from a force-field Hessian. To `fmax` = 0.02 eV/Angstrom, from the MMFF94
    minima of 15 QM9 molecules of 14 to 23 atoms, mean figures on one core were

                                    gradients    ms   RMSD to the minimum, Angstrom
        BFGS from MMFF94 Hessian         15.7   108   0.010
        ASE LBFGS                        46.9   232   0.106
        ASE BFGS                         46.9   247   0.106
        ASE BFGSLineSearch               61.0   340   0.079
        ASE FIRE                         87.3   398   0.153
        geomeTRIC dlc                    13.3   472   0.012
        geomeTRIC tric                   13.3   740   0.012

    tblite takes its number of threads from `OMP_NUM_THREADS`.

    Args:
        molecule: where to start.
        fmax: largest force on an atom at convergence, eV/Angstrom.
        max_steps: steps after which the best that was reached is returned, not converged.

    Raises:
        MoleculeError: scf-not-converged.
    """
    atoms = molecule.to_atoms()
    atoms.calc = TBLite(
        method="GFN2-xTB",
        charge=molecule.charge,
        multiplicity=molecule.multiplicity,
        verbosity=0,
    )
    optimizer = BFGS(atoms, logfile=None)
    frames: list[npt.NDArray[np.float64]] = []
    optimizer.attach(lambda: frames.append(atoms.positions.copy()))
    start_hessian = _model_hessian(molecule)
    if start_hessian is not None:
        optimizer.H0 = start_hessian
    try:
        converged = bool(optimizer.run(fmax=fmax, steps=max_steps))
        energy = float(atoms.get_potential_energy())
    except (CalculatorError, np.linalg.LinAlgError) as error:
        raise MoleculeError(
            "scf-not-converged", f"GFN2-xTB has no solution here: {error}", molecule.id
        ) from error
    return Baseline(np.stack(frames), energy, converged, optimizer.nsteps, "gfn2-xtb")


def _model_hessian(molecule: Molecule) -> npt.NDArray[np.float64] | None:
    """Positive definite (3n, 3n) eV/Angstrom^2, from MMFF94 or UFF; None if neither applies."""
    if molecule.rdmol is None:
        return None
    name = force_field_for(molecule.rdmol)
    if name is None:
        return None
    model = hessian(molecule.rdmol, name)
    if not np.isfinite(model).all():  # atoms in places that the force field does not foresee
        return None
    held = np.repeat(np.isin(np.arange(len(molecule)), molecule.frozen), 3)
    # What does not move must not pull on what does.
    model[held, :] = model[:, held] = 0.0
    eigenvalues, vectors = np.linalg.eigh(model)
    raised: npt.NDArray[np.float64] = (
        vectors * np.maximum(np.abs(eigenvalues), SOFTEST)
    ) @ vectors.T
    return raised
