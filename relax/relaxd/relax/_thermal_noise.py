"""Noise of the size and shape of thermal motion, whose probability density is known."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from ase.units import kB
from scipy.special import i0e

from ._errors import MoleculeError
from ._etkdg import pre_relax
from ._force_field import force_field_for, hessian
from ._internal_coordinates import InternalCoordinates
from ._molecule import Molecule

Array = npt.NDArray[np.float64]

SOFTEST = 0.1
"""eV per squared Angstrom or radian; curvatures are raised to this. At 298 K it allows a torsion
29 degrees (one standard deviation)."""

SOFT = 3.0
"""eV per squared Angstrom or radian; below this, a force field is often far from GFN2-xTB."""

WIDE = 4.0
"""Factor of the variance along soft directions in the wide part of the noise."""

FIRM = 1.0
"""eV per squared Angstrom or radian; least curvature with which a Newton step is taken."""

METHYL_FOLD = 3
"""A methyl group looks the same three times in a full turn."""


@dataclass(frozen=True, slots=True)
class Spread:
    """By how much noise is wider than the force field says.

    As the wings of the energy's distribution weigh most, noise that is to be weighed must not be
    narrower than it.

    Attributes:
        factor: of the temperature.
        wide_share: of the wide part along each soft direction.
    """

    factor: float = 1.1
    wide_share: float = 0.1

    @classmethod
    def raw(cls) -> "Spread":
        """That of noise that is not weighed."""
        return cls(factor=1.0, wide_share=0.0)


@dataclass(frozen=True, eq=False, slots=True)
class ThermalNoise:
    r"""Thermal displacements of internal coordinates about a conformer.

    Gaussian with the covariance :math:`k_B T H^{-1}` of a harmonic well with the force field's
    Hessian H, along each soft direction with a wide part. Torsions of methyl groups follow a von
    Mises distribution of three times the angle, which has the curvature of the well and knows the
    two others.

    Attributes:
        modes: (m, m) eigenvectors of the Hessian, in columns.
        curvatures: (m,) its eigenvalues, eV per squared Angstrom or radian, positive.
        narrow: (m,) standard deviations along them.
        wide: (m,) those of the wide part.
        wide_share: how much the wide part is of all.
        methyl_torsions: which coordinates turn methyl groups.
        concentrations: of their von Mises distributions.
    """

    modes: Array
    curvatures: Array
    narrow: Array
    wide: Array
    wide_share: float
    methyl_torsions: npt.NDArray[np.int64]
    concentrations: Array

    def draw(self, n: int, generator: np.random.Generator) -> Array:
        """(n, m) displacements, Angstrom and radian."""
        is_wide = generator.random((n, len(self.modes))) < self.wide_share
        along = generator.normal(size=is_wide.shape) * np.where(is_wide, self.wide, self.narrow)
        displacements: Array = along @ self.modes.T
        shape = (n, len(self.methyl_torsions))
        wells = generator.integers(METHYL_FOLD, size=shape)
        turns = generator.vonmises(0, self.concentrations, shape) + 2 * np.pi * wells
        displacements[:, self.methyl_torsions] = turns / METHYL_FOLD
        return displacements

    def newton_step(self, slope: Array) -> Array:
        """(m,) displacement to where this well would be without a slope.

        Args:
            slope: (m,) of an energy by the coordinates, eV per Angstrom or radian.
        """
        pulling = slope.copy()
        pulling[self.methyl_torsions] = 0
        step: Array = -self.modes @ ((pulling @ self.modes) / np.maximum(self.curvatures, FIRM))
        return step

    def log_density(self, displacements: Array) -> Array:
        """(...) ln of the density of (..., m) displacements, up to a constant."""
        turns = METHYL_FOLD * displacements[..., self.methyl_torsions]
        along = displacements.copy()
        along[..., self.methyl_torsions] = 0
        squared = (along @ self.modes) ** 2
        parts = [
            np.log(share) - np.log(deviations) - 0.5 * squared / deviations**2
            for share, deviations in (
                (1 - self.wide_share, self.narrow),
                (self.wide_share, self.wide),
            )
            if share > 0
        ]
        kappa = self.concentrations
        methyl = kappa * (np.cos(turns) - 1) - np.log(i0e(kappa))
        density: Array = np.logaddexp.reduce(parts).sum(-1) + methyl.sum(-1)
        return density


def thermal_noise(
    molecule: Molecule,
    internal: InternalCoordinates,
    coordinates: Array,
    temperature: float,
    spread: Spread,
) -> ThermalNoise:
    """The noise about one conformer.

    Args:
        molecule: with a force field.
        internal: its coordinates.
        coordinates: (m,) of the conformer.
        temperature: K.
        spread: by how much it is wider.

    Raises:
        MoleculeError: no-force-field.
    """
    thermal = kB * temperature * spread.factor
    hessian = _hessian(molecule, internal, coordinates)
    methyl = internal.methyl_torsions
    curvatures = np.maximum(hessian.diagonal()[methyl], 0)
    hessian[methyl, :] = hessian[:, methyl] = 0
    hessian[methyl, methyl] = 1  # any: their displacements are drawn elsewhere
    eigenvalues, modes = np.linalg.eigh(hessian)
    raised = np.maximum(np.abs(eigenvalues), SOFTEST)
    narrow = np.sqrt(thermal / raised)
    wide = np.where(raised < SOFT, np.sqrt(WIDE), 1.0) * narrow
    return ThermalNoise(
        modes=modes,
        curvatures=raised,
        narrow=narrow,
        wide=wide,
        wide_share=spread.wide_share,
        methyl_torsions=methyl,
        concentrations=curvatures / (METHYL_FOLD**2 * thermal),
    )


def _hessian(molecule: Molecule, internal: InternalCoordinates, coordinates: Array) -> Array:
    """(m, m) second derivatives by internal coordinates, of the force field's own minimum nearby.

    Elsewhere its slope would enter them, as the coordinates are curved.
    """
    graph = molecule.with_positions(internal.to_positions(coordinates)).rdmol
    name = None if graph is None else force_field_for(graph)
    if graph is None or name is None:
        raise MoleculeError("no-force-field", "an atom has no UFF parameters", molecule.id)
    pre_relax(graph)
    nearby, _ = internal.from_positions(graph.GetConformer().GetPositions())
    graph.GetConformer().SetPositions(internal.to_positions(nearby))
    jacobian, cartesian = internal.jacobian(nearby), hessian(graph, name)
    second: Array = jacobian.T @ cartesian @ jacobian
    return second
