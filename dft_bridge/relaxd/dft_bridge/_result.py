"""What came of a refinement."""

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import ase
import numpy as np
from ase.calculators.singlepoint import SinglePointCalculator

from ._arrays import Array, Positions
from ._connectivity import bonds
from ._journal import Journal, Run
from ._point import Point, best_of
from ._task import Task
from ._units import HARTREE

IMAGINARY = -20.0
"""cm^-1; wavenumbers above this but below zero are numerical noise in soft modes."""

UNKNOWN = "unknown"
"""The backend of points in a journal that does not say which it was."""


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
        backend: what computed the points; `unknown` if their journal does not say.
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


def result_so_far(
    task: Task,
    points: Sequence[Point],
    run: Run,
    *,
    converged: bool = False,
    wavenumbers: Array | None = None,
) -> RefineResult:
    """The result at the best of the points so far.

    Args:
        task: what was to be done.
        points: at least one, in the order in which they were computed.
        run: what they were computed with.
        converged: whether the best point meets every criterion.
        wavenumbers: harmonic, there, cm^-1.
    """
    best = best_of(points)
    numbers = np.array(task.system.atomic_numbers)
    was, now = (bonds(numbers, x) for x in (task.positions, best.positions))
    return RefineResult(
        atomic_numbers=numbers,
        positions=best.positions,
        energy=best.energy,
        forces=-best.gradient,
        charge=task.system.charge,
        multiplicity=task.system.multiplicity,
        level=str(task.settings.level),
        converged=converged,
        coarse=best.coarse,
        max_force=best.max_force(task.frozen),
        n_gradients=len(points),
        scf_cycles=sum(point.scf_cycles for point in points),
        seconds=sum(point.seconds for point in points),
        cpu_seconds=sum(point.cpu_seconds for point in points),
        start=task.start,
        **run,
        same_connectivity=bool((was == now).all()),
        wavenumbers=wavenumbers,
    )


def best_kept(task: Task, path: Path) -> RefineResult | None:
    """What a process that died left in its journal: the best geometry, not converged.

    None if the journal holds no whole point of this task, or cannot be read.
    """
    # The journal may be what the process died of: an error here must not hide that one.
    with contextlib.suppress(Exception):
        if path.exists():
            with Journal(path, task.identity()) as journal:
                if journal.points:
                    asked = Run(hessian=task.settings.hessian, backend=UNKNOWN)
                    return result_so_far(task, journal.points, journal.run or asked)
    return None
