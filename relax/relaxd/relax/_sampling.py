"""Boltzmann sampling: thermal noise, and the relaxation phase that takes it away again."""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from ase.units import kB
from scipy.special import logsumexp, softmax

from ._conformers import CONFORMER_SEED, embed_conformers
from ._gfn2 import gfn2_energies, gfn2_slopes
from ._internal_coordinates import InternalCoordinates
from ._molecule import Molecule
from ._naming import named_alike
from ._samples import BoltzmannSample, make_sample
from ._thermal_noise import Spread, ThermalNoise, thermal_noise

Array = npt.NDArray[np.float64]

RelaxPositions = Callable[[Molecule, Array], Array]
"""Minima that (k, n, 3) geometries of a molecule belong to, Angstrom."""

Progress = Callable[[int, int], None]
"""Told how many geometries are relaxed or have their energy, and of how many; what it raises ends
the sampling."""

N_CONFORMERS = 50
"""Embedded geometries to begin with."""

EVEN_SHARE = 0.3
"""Of the geometries that are to be weighed, drawn about all conformers alike; the others go where
the weight will be."""

BLOCK = 64
"""Geometries that are relaxed at once."""


@dataclass(frozen=True, eq=False, slots=True)
class Proposal:
    """What geometries are drawn from: thermal noise about conformers.

    Attributes:
        internal: the coordinates.
        centres: (c, m) conformers, in internal coordinates.
        noises: about each.
        shares: (c,) of each, of sum one.
    """

    internal: InternalCoordinates
    centres: Array
    noises: list[ThermalNoise]
    shares: Array

    def draw(self, n: int, generator: np.random.Generator) -> Array:
        """(n, n_atoms, 3) geometries, Angstrom."""
        conformer_of = _stratified(self.shares, n, generator)
        drawn = self.centres[conformer_of]
        for row, noise in enumerate(self.noises):
            rows = np.flatnonzero(conformer_of == row)
            drawn[rows] += noise.draw(len(rows), generator)
        return self.internal.to_positions(drawn)

    def log_density(self, positions: Array) -> Array:
        """(k,) ln of the density in space of (k, n_atoms, 3) geometries, up to a constant."""
        coordinates, log_volume = self.internal.from_positions(positions)
        about = [
            noise.log_density(self.internal.difference(coordinates, centre))
            for centre, noise in zip(self.centres, self.noises, strict=True)
        ]
        density: Array = logsumexp(about, axis=0, b=self.shares[:, None]) - log_volume
        return density


def sample_boltzmann(
    molecule: Molecule,
    relax: RelaxPositions,
    *,
    temperature: float,
    n_samples: int,
    reweight: bool,
    seed: int = CONFORMER_SEED,
    progress: Progress | None = None,
) -> BoltzmannSample:
    r"""Draws conformations of a molecule at a temperature.

    Conformers of ETKDG are relaxed, and noise of fixed, thermal size is added to them: the step of
    a diffusion process that stays at one noise level. Taken away again by the relaxation phase, it
    tells which conformer a noisy geometry belongs to. Drawn with known density q, the noisy
    geometries x are weighed by :math:`e^{-E(x)/k_B T} / q(x)`, with the energy E of GFN2-xTB and
    with q that of the noise about all conformers together (deterministic mixture, Owen and Zhou,
    doi 10.1080/01621459.2000.10473909). So any mean converges to that of GFN2-xTB's classical
    Boltzmann distribution as their number grows, whatever the model, the force field and the
    noise. Equal hydrogens and end groups are named alike in all conformers: a shape is met once.

    Args:
        molecule: its bonds must be known.
        relax: the relaxation phase.
        temperature: K.
        n_samples: geometries to draw.
        reweight: whether to weigh them; if not, all weights are equal, and the share of a
            conformer is that of ETKDG.
        seed: of all random numbers.
        progress: called now and then.

    Raises:
        MoleculeError: no-bonds, frozen-conformers, no-force-field, linear-molecule.
    """
    clock = time.perf_counter()
    counted = _Counted(progress, (2 if reweight else 1) * n_samples)
    proposal = _proposal(molecule, relax, temperature, reweight, seed)
    positions = proposal.draw(n_samples, np.random.default_rng(seed))
    minima = np.concatenate([relax(molecule, block) for block in counted.blocks(positions)])
    energies, log_weights = None, np.zeros(n_samples)
    if reweight:
        energies = np.fromiter(counted.each(gfn2_energies(molecule, positions)), float)
        log_weights = -energies / (kB * temperature) - proposal.log_density(positions)
    return make_sample(
        molecule,
        positions,
        minima,
        log_weights,
        energies,
        temperature=temperature,
        seconds=time.perf_counter() - clock,
    )


def _proposal(
    molecule: Molecule, relax: RelaxPositions, temperature: float, reweight: bool, seed: int
) -> Proposal:
    embedded = named_alike(molecule, embed_conformers(molecule, N_CONFORMERS, seed))
    conformers = relax(molecule, embedded)
    internal = InternalCoordinates(molecule, conformers)
    centres, _ = internal.from_positions(conformers)
    spread = Spread() if reweight else Spread.raw()
    noises = [thermal_noise(molecule, internal, q, temperature, spread) for q in centres]
    shares = np.full(len(centres), 1 / len(centres))
    if reweight:
        energies, slopes = _slopes(molecule, internal, centres)
        likely = softmax(-energies / (kB * temperature))
        shares = EVEN_SHARE * shares + (1 - EVEN_SHARE) * likely
        # The wells that are weighed are not the model's: one step of Newton's leads there.
        steps = [noise.newton_step(slope) for noise, slope in zip(noises, slopes, strict=True)]
        centres = centres + np.array(steps)
    return Proposal(internal, centres, noises, shares)


def _slopes(
    molecule: Molecule, internal: InternalCoordinates, centres: Array
) -> tuple[Array, list[Array]]:
    """(c,) GFN2-xTB energies, eV, and their slopes by internal coordinates."""
    found = list(gfn2_slopes(molecule, internal.to_positions(centres)))
    slopes = [
        internal.jacobian(centre).T @ gradient.ravel()
        for centre, (_, gradient) in zip(centres, found, strict=True)
    ]
    return np.array([energy for energy, _ in found]), slopes


def _stratified(shares: Array, n: int, generator: np.random.Generator) -> npt.NDArray[np.int64]:
    """(n,) rows, each about `shares` times n times: systematic resampling."""
    levels = (np.arange(n) + generator.random()) / n
    rows: npt.NDArray[np.int64] = np.searchsorted(shares.cumsum(), levels).clip(max=len(shares) - 1)
    return rows


class _Counted:
    """Passes things on, and tells how many have gone by."""

    def __init__(self, progress: Progress | None, total: int) -> None:
        self._progress, self._total, self._done = progress, total, 0

    def blocks(self, positions: Array) -> Iterator[Array]:
        """Parts of (k, n, 3) geometries that are relaxed at once."""
        for first in range(0, len(positions), BLOCK):
            block = positions[first : first + BLOCK]
            yield block
            self._count(len(block))

    def each(self, items: Iterable[float]) -> Iterator[float]:
        """The items."""
        for item in items:
            yield item
            self._count(1)

    def _count(self, n: int) -> None:
        self._done += n
        if self._progress is not None:
            self._progress(self._done, self._total)
