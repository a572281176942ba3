"""Redundant internal coordinates: bonds, angles and torsions, as geomeTRIC chooses them."""

import numpy as np
import numpy.typing as npt
from ase.data import chemical_symbols
from geometric.internal import PrimitiveInternalCoordinates
from geometric.molecule import Molecule

from ._arrays import Array, Gradient, Positions
from ._units import BOHR, HARTREE

RIGID = 1e-4
"""Rotations that move the atoms by less than this fraction of what others do are none."""


class Internals:
    """Primitive internal coordinates q(x) of a molecule, the same ones at every geometry.

    Lengths in q are in Bohr and angles in radian, as geomeTRIC has them; all that goes in or comes
    out in Cartesian coordinates is in Angstrom and eV. Where there are several fragments, each has
    its position and orientation as well (Wang & Song 2016, doi 10.1063/1.4952956).

    Args:
        atomic_numbers: (n,).
        positions: (n, 3), Angstrom; bonds are perceived here.
    """

    def __init__(self, atomic_numbers: npt.NDArray[np.int64], positions: Positions) -> None:
        molecule = Molecule()
        molecule.elem = [chemical_symbols[z] for z in atomic_numbers]
        molecule.xyzs = [positions.copy()]
        molecule.build_topology()
        # Angles between fragments are often nearly straight, where they are no coordinates.
        whole = len(molecule.molecules) == 1 and len(positions) > 1
        self._primitives = PrimitiveInternalCoordinates(
            molecule, build=True, connect=whole, connect_isolated=whole
        )

    def __len__(self) -> int:
        """Number of coordinates, m."""
        return len(self._primitives.Internals)

    def difference(self, positions: Positions, reference: Positions) -> Array:
        """q(positions) - q(reference), (m,), angles on the shorter way round."""
        found: Array = self._primitives.calcDiff(positions.ravel() / BOHR, reference.ravel() / BOHR)
        return found

    def wilson_b(self, positions: Positions) -> Array:
        """dq/dx, (m, 3n), per Angstrom (Wilson, Decius, Cross: Molecular Vibrations, 1955)."""
        b: Array = self._primitives.wilsonB(positions.ravel() / BOHR)
        return b / BOHR

    def gradient(self, positions: Positions, gradient: Gradient) -> Array:
        """dE/dq, (m,), eV per unit of q, from dE/dx, (n, 3), eV/Angstrom.

        The redundant part is left out (Pulay & Fogarasi 1992, doi 10.1063/1.462844).
        """
        x = positions.ravel() / BOHR
        found: Array = self._primitives.calcGrad(x, gradient.ravel() * BOHR)
        return found

    def model_hessian(self, positions: Positions) -> Array:
        """d2E/dq2, (m, m), diagonal, eV, after Schlegel 1984 (doi 10.1007/BF00554788)."""
        diagonal: Array = self._primitives.guess_hessian(positions.ravel() / BOHR)
        return diagonal * HARTREE


def without_rigid_motion(positions: Positions, gradient: Gradient) -> Gradient:
    """The gradient, (n, 3), less what would move or turn the molecule as a whole.

    The energy has no such slope; integration grids give it one.

    Args:
        positions: (n, 3), any unit of length.
        gradient: (n, 3), any unit.
    """
    axes = np.eye(3)
    centred = positions - positions.mean(axis=0)
    moves = [np.tile(axis, (len(positions), 1)) for axis in axes]
    turns = [np.cross(axis, centred) for axis in axes]
    modes = np.array(moves + turns).reshape(6, -1)
    _, sizes, basis = np.linalg.svd(modes, full_matrices=False)
    # A linear molecule does not turn about its axis.
    basis = basis[sizes > RIGID * sizes[0]]
    flat = gradient.ravel()
    return np.asarray(flat - basis.T @ (basis @ flat)).reshape(-1, 3)
