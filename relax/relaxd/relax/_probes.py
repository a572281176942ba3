"""Displaced geometries, with the forces and the Hessian that a model's score is held against."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from tblite.exceptions import TBLiteRuntimeError
from tqdm import tqdm

from ._evaluation import SEED, Case
from ._force_field import force_field_for, hessian
from ._molecule import Molecule
from ._superposition import Positions, superposed
from ._surface import Surface, internal_basis

Array = npt.NDArray[np.float64]

FORCE_FIELD = "mmff94"
"""Name of the probe that is the MMFF94 geometry."""


@dataclass(frozen=True, eq=False)
class Probe:
    """A displaced geometry.

    Attributes:
        positions: (n, 3), Angstrom, superposed on the minimum.
        sigma: noise level to tell the model, Angstrom per coordinate.
        forces: (n, 3), eV/Angstrom.
    """

    positions: Positions
    sigma: float
    forces: Array


@dataclass(frozen=True, eq=False)
class Landscape:
    """A molecule about its DFT minimum.

    Attributes:
        index: its number in QM9.
        molecule: at the minimum.
        basis: (3n, m) internal displacements, see `internal_basis`.
        hessian: (m, m), eV/Angstrom^2, at the minimum, of internal displacements.
        force_field: (m, m), the same of MMFF94; None where it does not know the molecule.
        probes: by noise level in Angstrom, and `mmff94`.
    """

    index: int
    molecule: Molecule
    basis: Array
    hessian: Array
    force_field: Array | None
    probes: dict[str, Probe]


def survey(cases: Sequence[Case], sigmas: Sequence[float]) -> list[Landscape]:
    """GFN2-xTB's forces and Hessians for molecules with a DFT minimum.

    Each molecule is displaced once by Gaussian noise of each level, and to its MMFF94 geometry.
    Geometries that GFN2-xTB does not solve are left out.

    Args:
        cases: the molecules.
        sigmas: noise levels, Angstrom per coordinate.

    Raises:
        TBLiteRuntimeError: GFN2-xTB has no solution at a minimum.
    """
    generator = np.random.default_rng(SEED)
    progress: Iterable[Case] = tqdm(cases, desc="GFN2-xTB", unit="mol")
    return [_landscape(case, sigmas, generator) for case in progress]


def _landscape(case: Case, sigmas: Sequence[float], generator: np.random.Generator) -> Landscape:
    molecule = case.start.with_positions(case.minimum)
    surface, basis = Surface(molecule), internal_basis(case.minimum)
    displaced = {
        f"{sigma:g}": (case.minimum + generator.normal(0, sigma, case.minimum.shape), sigma)
        for sigma in sigmas
    }
    start = superposed(case.start.positions, case.minimum)
    displaced[FORCE_FIELD] = start, float(np.sqrt(np.mean((start - case.minimum) ** 2)))
    probes = {name: _probe(surface, *where) for name, where in displaced.items()}
    return Landscape(
        case.index,
        molecule,
        basis,
        basis.T @ surface.hessian() @ basis,
        _force_field_hessian(molecule, basis),
        {name: probe for name, probe in probes.items() if probe is not None},
    )


def _probe(surface: Surface, positions: Positions, sigma: float) -> Probe | None:
    laid = superposed(positions, surface.minimum)
    try:
        return Probe(laid, sigma, surface.forces(laid))
    except TBLiteRuntimeError:
        return None


def _force_field_hessian(molecule: Molecule, basis: Array) -> Array | None:
    if molecule.rdmol is None or force_field_for(molecule.rdmol) != "mmff94":
        return None
    second: Array = basis.T @ hessian(molecule.rdmol, "mmff94") @ basis
    return second
