"""Redundant internal coordinates: bonds, angles and torsions, as geomeTRIC chooses them."""

import numpy as np
import numpy.typing as npt
from ase.data import chemical_symbols
from geometric.internal import PrimitiveInternalCoordinates
from geometric.molecule import Molecule
from scipy.spatial.transform import Rotation

from ._arrays import Array, Gradient, Positions
from ._units import BOHR, HARTREE

STRAIGHT = 0.1
"""A molecule whose width is less than this fraction of its length has no orientation about it."""

RIGID = 1e-4
"""Rotations that move the atoms by less than this fraction of what others do are none."""


class Internals:
    """Primitive internal coordinates q(x) of a molecule, the same ones at every geometry.

    Lengths in q are in Bohr and angles in radian, as geomeTRIC has them; all that goes in or comes
    out in Cartesian coordinates is in Angstrom. Where there are several fragments, each has its
    position and orientation as well (Wang & Song 2016, doi 10.1063/1.4952956). Those, and straight
    angles, geomeTRIC measures against fixed axes: here every geometry is first laid upon the one
    at which the coordinates were chosen, so that nothing changes when a molecule is moved or
    turned; but a straight molecule is not turned.

    Args:
        atomic_numbers: (n,).
        positions: (n, 3), Angstrom; bonds are perceived here.
    """

    def __init__(self, atomic_numbers: npt.NDArray[np.int64], positions: Positions) -> None:
        molecule = Molecule()
        molecule.elem = [chemical_symbols[z] for z in atomic_numbers]
        self._centred = positions - positions.mean(axis=0)
        sizes = np.linalg.svd(self._centred, compute_uv=False)
        self._is_straight = len(positions) < 3 or bool(sizes[1] < STRAIGHT * sizes[0])
        molecule.xyzs = [self._centred.copy()]
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
        laid, other = self._laid(positions)[0], self._laid(reference)[0]
        found: Array = self._primitives.calcDiff(laid.ravel() / BOHR, other.ravel() / BOHR)
        return found

    def wilson_b(self, positions: Positions) -> Array:
        """dq/dx, (m, 3n), per Angstrom (Wilson, Decius, Cross: Molecular Vibrations, 1955)."""
        laid, rotation = self._laid(positions)
        b: Array = self._primitives.wilsonB(laid.ravel() / BOHR) / BOHR
        if self._is_straight:
            return b
        per_atom = b.reshape(len(b), -1, 3)
        # As an atom moves, all are turned by w = (tr M - M)^-1 (dy x c), M = sum of y c^T, so that
        # the sum of y x c stays zero: that is where they lie best upon the centred reference c.
        moment = laid.T @ self._centred
        response = np.linalg.inv(np.trace(moment) * np.eye(3) - moment)
        turned = np.cross(laid, per_atom).sum(axis=1) @ response
        per_atom = per_atom - per_atom.mean(axis=1, keepdims=True)
        per_atom += np.cross(self._centred, turned[:, None])
        return np.asarray(per_atom @ rotation).reshape(len(b), -1)

    def model_hessian(self, positions: Positions) -> Array:
        """d2E/dq2, (m, m), diagonal, eV, after Schlegel 1984 (doi 10.1007/BF00554788)."""
        diagonal: Array = self._primitives.guess_hessian(self._laid(positions)[0].ravel() / BOHR)
        return diagonal * HARTREE

    def _laid(self, positions: Positions) -> tuple[Positions, Array]:
        """Positions laid upon the reference, (n, 3), Angstrom, and the rotation, (3, 3)."""
        centred = positions - positions.mean(axis=0)
        if self._is_straight:
            return centred, np.eye(3)
        rotation = Rotation.align_vectors(self._centred, centred)[0].as_matrix()
        return centred @ rotation.T, rotation


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
