"""The classical force fields of RDKit: MMFF94, and UFF for what it does not know."""

from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from ase.units import kcal, mol
from rdkit import Chem, rdBase
from rdkit.Chem import rdForceFieldHelpers

ForceFieldName = Literal["mmff94", "uff"]

KCAL_MOL = kcal / mol
"""One kcal/mol in eV."""

HESSIAN_STEP = 1e-3
"""Angstrom; displacement for differences of the gradient."""


def force_field_for(rdmol: Chem.Mol) -> ForceFieldName | None:
    """The better force field that has parameters for every atom."""
    with rdBase.BlockLogs():
        if rdForceFieldHelpers.MMFFHasAllMoleculeParams(rdmol):
            return "mmff94"
        return "uff" if rdForceFieldHelpers.UFFHasAllMoleculeParams(rdmol) else None


def make_force_field(rdmol: Chem.Mol, name: ForceFieldName, conformer: int = -1) -> Any:
    """An RDKit force field (kcal/mol, Angstrom) bound to a conformer of `rdmol`."""
    with rdBase.BlockLogs():
        if name == "uff":
            return rdForceFieldHelpers.UFFGetMoleculeForceField(rdmol, confId=conformer)
        properties = rdForceFieldHelpers.MMFFGetMoleculeProperties(rdmol)
        return rdForceFieldHelpers.MMFFGetMoleculeForceField(rdmol, properties, confId=conformer)


def hessian(rdmol: Chem.Mol, name: ForceFieldName) -> npt.NDArray[np.float64]:
    """Second derivatives of the force field's energy by central differences.

    Returns:
        (3n, 3n), eV/Angstrom^2, symmetric.
    """
    scratch = Chem.Mol(rdmol)
    conformer = scratch.GetConformer()
    x = conformer.GetPositions().ravel()

    force_field = make_force_field(scratch, name)

    def gradient() -> npt.NDArray[np.float64]:
        conformer.SetPositions(x.reshape(-1, 3))
        force_field.Initialize()  # or it keeps the distances of its last geometry
        return np.array(force_field.CalcGrad())

    rows = np.empty((x.size, x.size))
    for i in range(x.size):
        x[i] += HESSIAN_STEP
        forward = gradient()
        x[i] -= 2 * HESSIAN_STEP
        rows[i] = (forward - gradient()) / (2 * HESSIAN_STEP)
        x[i] += HESSIAN_STEP
    symmetric: npt.NDArray[np.float64] = (rows + rows.T) / 2 * KCAL_MOL
    return symmetric
