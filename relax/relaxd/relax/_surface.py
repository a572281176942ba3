"""The energy surface about a DFT minimum, at the cost of GFN2-xTB."""

import numpy as np
import numpy.typing as npt
from ase.units import Bohr, Hartree
from scipy.linalg import null_space
from tblite.interface import Calculator

from ._molecule import Molecule
from ._superposition import Positions

Array = npt.NDArray[np.float64]

HESSIAN_STEP = 5e-3
"""Angstrom; displacement for differences of the gradient."""


class Surface:
    r"""GFN2-xTB about the DFT minimum of a molecule, less the slope that it has there.

    .. math:: E(x) - g(x^*) \cdot (x - x^*)

    with energy E and gradient g of GFN2-xTB, as in `energy_gap`: a surface with the curvature of
    GFN2-xTB whose minimum is that of DFT.

    Args:
        molecule: at its DFT minimum.

    Raises:
        TBLiteRuntimeError: GFN2-xTB has no solution there.
    """

    def __init__(self, molecule: Molecule) -> None:
        self.minimum: Positions = molecule.positions
        self._calculator = Calculator(
            "GFN2-xTB",
            molecule.atomic_numbers,
            molecule.positions / Bohr,
            charge=molecule.charge,
            uhf=molecule.multiplicity - 1,
        )
        self._calculator.set("verbosity", 0)
        self._slope = self._gradient(self.minimum)

    def forces(self, positions: Positions) -> Array:
        """(n, 3) forces, eV/Angstrom.

        Args:
            positions: (n, 3), Angstrom, superposed on the minimum.

        Raises:
            TBLiteRuntimeError: GFN2-xTB has no solution here.
        """
        return self._slope - self._gradient(positions)

    def hessian(self) -> Array:
        """(3n, 3n) second derivatives at the minimum, eV/Angstrom^2, by central differences."""
        steps = HESSIAN_STEP * np.eye(self.minimum.size).reshape(-1, *self.minimum.shape)
        rows = [
            (self._gradient(self.minimum + step) - self._gradient(self.minimum - step)).ravel()
            for step in steps
        ]
        hessian = np.stack(rows) / (2 * HESSIAN_STEP)
        symmetric: Array = (hessian + hessian.T) / 2
        return symmetric

    def _gradient(self, positions: Positions) -> Array:
        self._calculator.update(positions / Bohr)
        gradient: Array = self._calculator.singlepoint().get("gradient") * (Hartree / Bohr)
        return gradient


def internal_basis(positions: Positions) -> Array:
    """(3n, m) orthonormal displacements that neither shift nor turn a molecule, in columns.

    m is 3n - 6, or 3n - 5 where the molecule is linear.

    Args:
        positions: (n, 3), Angstrom.
    """
    shifts = np.tile(np.eye(3), (len(positions), 1))
    turns = np.cross(np.eye(3)[:, None], positions - positions.mean(0)).reshape(3, -1).T
    basis: Array = null_space(np.hstack([shifts, turns]).T, rcond=1e-6)
    return basis
