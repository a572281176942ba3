"""The lowest conformers of a molecule, from many that were relaxed."""

from collections.abc import Sequence
from dataclasses import dataclass

import ase
import numpy as np
import numpy.typing as npt
from ase.units import kB

from ._clusters import cluster
from ._conformers import CONFORMER_SEED, embed_conformers
from ._errors import MoleculeError
from ._force_field import KCAL_MOL
from ._gfn2 import gfn2_energies
from ._molecule import Molecule
from ._result import RelaxResult

TEMPERATURE = 298.15
"""K, of the populations."""

SAME_START = 0.05
"""Angstrom, by the RMSD of `Symmetry`; starts nearer than this are relaxed once."""

RANKING = "gfn2-xtb"
"""The method by whose energies conformers are ranked."""


@dataclass(frozen=True, eq=False, slots=True)
class Conformer:
    """One of a molecule's conformers.

    Attributes:
        relaxed: its geometry, and what is known of it.
        relative_energy_kcal_mol: above the lowest conformer found, kcal/mol.
        population: its share of all conformers found, at `TEMPERATURE`. Weighed are the energy and
            the ways to have the conformer, its mirror image among them; vibrations are not.
    """

    relaxed: RelaxResult
    relative_energy_kcal_mol: float
    population: float

    @property
    def molecule(self) -> Molecule:
        """The start."""
        return self.relaxed.molecule

    def to_atoms(self) -> ase.Atoms:
        """The relaxed geometry, with energy and population in `info`, too."""
        atoms = self.relaxed.to_atoms()
        atoms.info.update(self._items())
        return atoms

    def to_sdf(self) -> str | None:
        """One SDF record with energy and population; None where the bonds are unknown."""
        return self.relaxed.to_sdf(self._items())

    def _items(self) -> dict[str, object]:
        return {
            "relative_energy_kcal_mol": round(self.relative_energy_kcal_mol, 4),
            "population": round(self.population, 4),
            "ranked_by": RANKING,
        }


@dataclass(frozen=True, eq=False, slots=True)
class Ensemble:
    """The lowest conformers of a molecule.

    Attributes:
        conformers: as many as were to be kept, ascending in energy.
        n_found: conformers found, the others included.
        ranked_by: the method of the energies, at the relaxed geometries.
    """

    conformers: tuple[Conformer, ...]
    n_found: int
    ranked_by: str

    @property
    def lowest(self) -> RelaxResult:
        """The relaxed geometry of the lowest conformer."""
        return self.conformers[0].relaxed


def conformer_starts(molecule: Molecule, n: int, seed: int = CONFORMER_SEED) -> list[Molecule]:
    """The molecule itself, and others of n embedded geometries that lead elsewhere.

    Args:
        molecule: its bonds must be known, and no atom be frozen.
        n: geometries to make, the molecule's own included.
        seed: of the random numbers, from 0 to 2^31 - 1.

    Raises:
        MoleculeError: no-bonds, frozen-conformers.
    """
    positions = embed_conformers(molecule, n, seed)
    rows = cluster(molecule, positions, np.zeros(len(positions)), SAME_START).representatives
    return [molecule, *(molecule.with_positions(positions[row]) for row in rows[1:])]


def rank_conformers(relaxed: Sequence[RelaxResult], keep: int) -> Ensemble:
    """Leaves out what is found twice, or is another molecule, and sorts by energy.

    Args:
        relaxed: at least one, all of one molecule. Where it stayed in none what it was, the first
            stands for itself.
        keep: conformers to return, if there are so many.

    Raises:
        MoleculeError: no-bonds, or scf-not-converged, where GFN2-xTB has an energy for none.
    """
    intact = [result for result in relaxed if _is_intact(result)] or relaxed[:1]
    molecule = intact[0].molecule
    positions = np.stack([result.positions for result in intact])
    clusters = cluster(molecule, positions, np.zeros(len(intact)))
    distinct = [intact[row] for row in clusters.representatives]
    energies = np.fromiter(gfn2_energies(molecule, positions[clusters.representatives]), float)
    if np.isinf(energies).all():
        reason = "GFN2-xTB has no solution for any conformer"
        raise MoleculeError("scf-not-converged", reason, molecule.id)
    relative = (energies - energies.min()) / KCAL_MOL
    populations = _populations(relative, clusters.degeneracies)
    conformers = [
        Conformer(distinct[row], float(relative[row]), float(populations[row]))
        for row in np.argsort(relative)
        if np.isfinite(relative[row])
    ]
    return Ensemble(tuple(conformers[:keep]), len(conformers), RANKING)


def _is_intact(result: RelaxResult) -> bool:
    return result.verdict.connectivity_kept is not False and result.verdict.stereo_kept is not False


def _populations(
    relative: npt.NDArray[np.float64], degeneracies: npt.NDArray[np.int64]
) -> npt.NDArray[np.float64]:
    weights = degeneracies * np.exp(-relative * KCAL_MOL / (kB * TEMPERATURE))
    shares: npt.NDArray[np.float64] = weights / weights.sum()
    return shares
