"""What came of a refinement."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

import ase
import numpy as np
from ase.calculators.singlepoint import SinglePointCalculator

from ._arrays import Array, Positions
from ._journal import Journal
from ._task import Task
from ._units import HARTREE

IMAGINARY = -20.0
"""cm^-1; wavenumbers above this but below zero are numerical noise in soft modes."""


@dataclass(frozen=True, eq=False)
class RefineResult:
    """A geometry relaxed by DFT, or the best on the way there.

    Attributes:
        atomic_numbers: (n,).
        positions: (n, 3), Angstrom.
        energy: eV.
        forces: (n, 3), eV/Angstrom.
        charge: e.
        multiplicity: 2S + 1.
        level: level of theory.
        converged: whether every criterion is met at these positions.
        coarse: whether energy and forces are those of the coarse grid; never if converged.
        max_force: on an atom that may move, eV/Angstrom.
        n_gradients: gradient evaluations, those of earlier, interrupted runs included.
        scf_cycles: in all of them.
        seconds: wall time of all of them, s.
        cpu_seconds: processor time of all of them, s.
        start: what made the starting geometry.
        hessian: where the optimiser knew curvature from.
        backend: what computed the points.
        same_connectivity: whether the bonds, judged by distances, are those of the start.
        wavenumbers: harmonic, cm^-1, imaginary ones negative; None if not asked for.
    """

    atomic_numbers: Array
    positions: Positions
    energy: float
    forces: Array
    charge: int
    multiplicity: int
    level: str
    converged: bool
    coarse: bool
    max_force: float
    n_gradients: int
    scf_cycles: int
    seconds: float
    cpu_seconds: float
    start: str
    hessian: str
    backend: str
    same_connectivity: bool
    wavenumbers: Array | None = None

    @property
    def energy_hartree(self) -> float:
        """Total energy, Hartree."""
        return self.energy / HARTREE

    @property
    def is_minimum(self) -> bool | None:
        """Whether no wavenumber is imaginary; None if they were not computed."""
        if self.wavenumbers is None:
            return None
        return bool((self.wavenumbers > IMAGINARY).all())

    def to_atoms(self) -> ase.Atoms:
        """`ase.Atoms` with energy and forces, and the rest in `info`."""
        arrays = ("atomic_numbers", "positions", "energy", "forces", "wavenumbers")
        info = {f.name: getattr(self, f.name) for f in fields(self) if f.name not in arrays}
        if self.wavenumbers is not None:
            info["wavenumbers"] = self.wavenumbers
        atoms = ase.Atoms(self.atomic_numbers, self.positions, info=info)
        atoms.calc = SinglePointCalculator(atoms, energy=self.energy, forces=self.forces)
        return atoms

    def to_dict(self) -> dict[str, Any]:
        """The result as JSON can hold it."""
        return {k: v.tolist() if isinstance(v, np.ndarray) else v for k, v in vars(self).items()}

    @classmethod
    def from_dict(cls, found: Mapping[str, Any]) -> "RefineResult":
        """The result that `to_dict` wrote."""
        arrays = ("atomic_numbers", "positions", "forces", "wavenumbers")
        changed = {k: np.array(found[k]) for k in arrays if found[k] is not None}
        return cls(**{**found, **changed})


def finished_result(task: Task, journal: Journal) -> RefineResult | None:
    """The result in a journal, if there is nothing left to do for it."""
    if journal.result is None or not journal.result["converged"]:
        return None
    result = RefineResult.from_dict(journal.result)
    if task.settings.frequencies and result.wavenumbers is None:
        return None
    return replace(result, start=task.start)
