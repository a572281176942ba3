"""What is told of a refined molecule: the result, and the points on the way."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from typing import Any

import ase
from ase.calculators.singlepoint import SinglePointCalculator

from relaxd.dft_bridge import Outcome, RefineResult
from relaxd.relax import Molecule, connectivity_kept


@dataclass(frozen=True, eq=False)
class Refined:
    """A molecule and what DFT made of it.

    Attributes:
        molecule: as it was read.
        result: from DFT.
    """

    molecule: Molecule
    result: RefineResult

    @property
    def id(self) -> str:
        """The caller's name of the molecule."""
        return self.molecule.id or ""

    @property
    def bonds_kept(self) -> bool:
        """Whether it still is the molecule that was read: neither the start nor DFT changed it."""
        kept = connectivity_kept(self.molecule, self.result.positions)
        return kept and self.result.same_connectivity

    @property
    def lowest_wavenumber(self) -> float | None:
        """Harmonic, cm^-1; None if there is none, or none was asked for."""
        wavenumbers = self.result.wavenumbers
        return None if wavenumbers is None or not len(wavenumbers) else float(wavenumbers.min())

    def to_atoms(self) -> ase.Atoms:
        """`ase.Atoms` with energy and forces, and the rest in `info`."""
        atoms = self.result.to_atoms()
        atoms.info |= _named(self.molecule) | self._judged() | _versions()
        return atoms

    def to_sdf(self) -> str | None:
        """One SDF record; None where the bonds are unknown.

        Raises:
            MoleculeError: the positions cannot be those of a molecule.
        """
        result = self.result
        properties = {
            "level": result.level,
            "energy_hartree": f"{result.energy_hartree:.8f}",
            "converged": result.converged,
            "n_gradients": result.n_gradients,
            "start": result.start,
            "hessian": result.hessian,
            "max_force": f"{result.max_force:.6f}",
        }
        moved = self.molecule.with_positions(result.positions)
        return moved.to_sdf(properties | self._judged() | _versions())

    def _judged(self) -> dict[str, Any]:
        judged: dict[str, Any] = {"same_connectivity": self.bonds_kept}
        if self.lowest_wavenumber is not None:
            judged["lowest_wavenumber"] = round(self.lowest_wavenumber, 2)
        return judged


@dataclass(frozen=True)
class Failure:
    """Why there is no result of a molecule.

    Attributes:
        id: of the molecule.
        code: stable name of the reason.
        message: the molecule and the reason, for a human.
    """

    id: str
    code: str
    message: str


def frames(molecule: Molecule, outcome: Outcome) -> Iterator[ase.Atoms]:
    """Yield every DFT point of a molecule, also of one that failed later.

    Args:
        molecule: as it was read.
        outcome: what came of it.
    """
    if outcome.error is not None and outcome.error.category == "input":
        return  # refused, and a journal that is there may be that of another refinement
    for number, point in enumerate(outcome.points(), start=1):
        atoms = ase.Atoms(molecule.atomic_numbers, point.positions, info=_named(molecule))
        atoms.info |= {
            "charge": molecule.charge,
            "multiplicity": molecule.multiplicity,
            "level": str(outcome.task.settings.level),
            "gradient": number,
            "coarse": point.coarse,
            **_versions(),
        }
        atoms.calc = SinglePointCalculator(atoms, energy=point.energy, forces=-point.gradient)
        yield atoms


def _named(molecule: Molecule) -> dict[str, Any]:
    names = {"id": molecule.id, "smiles": molecule.smiles}
    return {key: name for key, name in names.items() if name is not None}


@cache
def _versions() -> dict[str, str]:
    return {f"{name}_version": metadata.version(name) for name in ("relaxd", "pyscf")}
