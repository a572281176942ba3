"""What Boltzmann sampling returns."""

from dataclasses import dataclass

import ase
import numpy as np
import numpy.typing as npt
from scipy.special import logsumexp

from ._clusters import cluster
from ._force_field import KCAL_MOL
from ._molecule import Molecule
from ._torsions import Torsion, torsion_angles, torsions

Array = npt.NDArray[np.float64]

WEIGHED_BY = "gfn2-xtb"
"""The method by whose energies geometries are weighed."""

BINS = 36
"""Of a torsion histogram, ten degrees each."""


@dataclass(frozen=True, eq=False, slots=True)
class SampledConformer:
    """A minimum to which sampled geometries relax.

    Attributes:
        positions: (n, 3), Angstrom.
        population: sum of the weights of the geometries that relax to it.
    """

    positions: Array
    population: float


@dataclass(frozen=True, eq=False, slots=True)
class TorsionHistogram:
    """How a torsion is distributed.

    Attributes:
        atoms: i-j-k-l, turned about j-k.
        shares: (36,) weight of each ten degrees, from -180 on.
    """

    atoms: Torsion
    shares: Array


@dataclass(frozen=True, eq=False, slots=True)
class BoltzmannSample:
    r"""Conformations of a molecule at a temperature.

    Attributes:
        molecule: as it was given.
        temperature: K.
        positions: (k, n, 3), Angstrom.
        weights: (k,), of sum one; the largest are cut down (`truncated`).
        energies_kcal_mol: (k,) above the lowest; None where they were not weighed.
        weighed_by: the method of the energies.
        effective_samples: as many equally likely geometries would tell as much, one by the sum of
            the squared weights (Kish 1965) before the largest were cut down. Below some fifty, do
            not trust the weights. Where the geometries were not weighed it counts them, and says
            nothing.
        conformers: by population.
        conformer_of: (k,) to which conformer each geometry relaxes.
        torsions: histograms, with the weights.
        seconds: wall time.
    """

    molecule: Molecule
    temperature: float
    positions: Array
    weights: Array
    energies_kcal_mol: Array | None
    weighed_by: str | None
    effective_samples: float
    conformers: tuple[SampledConformer, ...]
    conformer_of: npt.NDArray[np.int64]
    torsions: tuple[TorsionHistogram, ...]
    seconds: float

    def __len__(self) -> int:
        return len(self.positions)

    def mean(self, values: npt.ArrayLike) -> float:
        """Weighted mean of (k,) values."""
        return float(self.weights @ np.asarray(values))

    def to_atoms(self) -> list[ase.Atoms]:
        """The geometries, with weight, conformer and, if known, energy in `info`."""
        frames = []
        for row, geometry in enumerate(self.positions):
            atoms = self.molecule.to_atoms()
            atoms.set_positions(geometry)
            atoms.info.update(self.items(row))
            frames.append(atoms)
        return frames

    def to_sdf(self) -> str:
        """One SDF record for each geometry, with the same items."""
        return "".join(
            self.molecule.with_positions(geometry).to_sdf(self.items(row)) or ""
            for row, geometry in enumerate(self.positions)
        )

    def items(self, row: int) -> dict[str, object]:
        """What is told of one geometry in files."""
        items: dict[str, object] = {
            "temperature": self.temperature,
            "weight": float(self.weights[row]),
            "conformer": int(self.conformer_of[row]),
        }
        if self.energies_kcal_mol is not None:
            items["relative_energy_kcal_mol"] = round(float(self.energies_kcal_mol[row]), 4)
        return items


def make_sample(
    molecule: Molecule,
    positions: Array,
    minima: Array,
    log_weights: Array,
    energies: Array | None,
    *,
    temperature: float,
    seconds: float,
) -> BoltzmannSample:
    """Sorts sampled geometries into conformers, and counts.

    Args:
        molecule: as it was given.
        positions: (k, n, 3), Angstrom.
        minima: (k, n, 3), Angstrom, to which they relax.
        log_weights: (k,) ln of the weights, up to a constant; not finite for none.
        energies: (k,), eV, if known.
        temperature: K.
        seconds: wall time.
    """
    log_weights = np.where(np.isfinite(log_weights), log_weights, -np.inf)
    raw = np.exp(log_weights - logsumexp(log_weights))
    weights = truncated(raw)
    clusters = cluster(molecule, minima, -weights)
    populations = np.bincount(clusters.assignment, weights)
    order = np.argsort(-populations, kind="stable")
    return BoltzmannSample(
        molecule=molecule,
        temperature=temperature,
        positions=positions,
        weights=weights,
        energies_kcal_mol=None if energies is None else (energies - energies.min()) / KCAL_MOL,
        weighed_by=None if energies is None else WEIGHED_BY,
        effective_samples=float(1 / np.sum(raw**2)),
        conformers=tuple(
            SampledConformer(minima[clusters.representatives[c]], float(populations[c]))
            for c in order
        ),
        conformer_of=np.argsort(order)[clusters.assignment],
        torsions=tuple(_histogram(positions, weights, t) for t in torsions(molecule)),
        seconds=seconds,
    )


def truncated(weights: Array) -> Array:
    """(k,) weights of sum one, cut down where above one by the root of k.

    A few wild weights would otherwise speak for all; the more there are, the less is cut, so that
    the limit is the same (Ionides, J. Comput. Graph. Stat. 17, 295, 2008).
    """
    cut: Array = np.minimum(weights, 1 / np.sqrt(len(weights)))
    normalised: Array = cut / cut.sum()
    return normalised


def _histogram(positions: Array, weights: Array, torsion: Torsion) -> TorsionHistogram:
    angles = torsion_angles(positions, torsion)
    shares, _ = np.histogram(angles, BINS, (-180, 180), weights=weights)
    return TorsionHistogram(torsion, shares)
