"""Boltzmann samples: drawn by the model, and as they go over the wire."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from relaxd.client.schemas import (
    Result,
    Sample,
    SampledConformer,
    SampleOptions,
    TorsionHistogram,
    Usage,
)
from relaxd.relax import (
    BoltzmannSample,
    Molecule,
    MoleculeError,
    Relaxer,
    Verdict,
    connectivity_kept,
    stereo_kept,
)
from relaxd.service._wire import verdict_of

DECIMALS = 5
"""Of the positions of sampled geometries, Angstrom: what there may be thousands of is kept short.
Energies change by less than 0.01 kcal/mol."""


@dataclass(frozen=True)
class Drawn:
    """What was drawn of a molecule.

    Attributes:
        sample: the geometries.
        verdict: on the most populated conformer.
    """

    sample: BoltzmannSample
    verdict: Verdict


def draw(
    relaxer: Relaxer,
    molecule: Molecule,
    options: SampleOptions,
    progress: Callable[[int, int], None],
) -> Drawn:
    """Draw conformations of a molecule.

    Args:
        relaxer: the model.
        molecule: of its domain.
        options: how to draw.
        progress: as of `Relaxer.sample`.

    Raises:
        MoleculeError: as of `Relaxer.sample`; scf-not-converged, of no geometry; or as of
            `Molecule`, where the model has diverged.
    """
    sample = relaxer.sample(molecule, **options.model_dump(), progress=progress)
    if not np.isfinite(sample.weights).all():
        reason = "GFN2-xTB finds the energy of none of its geometries"
        raise MoleculeError("scf-not-converged", reason, molecule.id)
    minima = [molecule.with_positions(conformer.positions) for conformer in sample.conformers]
    (judged,) = relaxer.relax_in_domain(minima[:1])
    positions = minima[0].positions
    verdict = replace(
        judged.verdict,
        connectivity_kept=connectivity_kept(molecule, positions),
        stereo_kept=stereo_kept(molecule, positions),
    )
    return Drawn(sample, verdict)


def sampled_of(drawn: Drawn, usage: Usage | None) -> Result:
    """Return a sampled molecule as it goes over the wire, in its most populated conformer."""
    sample = drawn.sample
    molecule, minimum = sample.molecule, sample.conformers[0]
    items = {"method": drawn.verdict.method, "population": minimum.population}
    return Result(
        id=molecule.id,
        status="ok",
        smiles=molecule.smiles,
        atomic_numbers=molecule.atomic_numbers.tolist(),
        positions=minimum.positions.tolist(),
        start_positions=molecule.positions.tolist(),
        charge=molecule.charge,
        multiplicity=molecule.multiplicity,
        sdf=molecule.with_positions(minimum.positions).to_sdf(items),
        verdict=verdict_of(drawn.verdict),
        sample=_wire(sample),
        usage=usage,
    )


def _wire(sample: BoltzmannSample) -> Sample:
    energies = sample.energies_kcal_mol
    return Sample(
        temperature=sample.temperature,
        n_samples=len(sample),
        effective_samples=sample.effective_samples,
        weighed_by=sample.weighed_by,
        conformers=[
            SampledConformer(positions=_rounded(c.positions), population=c.population)
            for c in sample.conformers
        ],
        torsions=[
            TorsionHistogram(atoms=t.atoms, shares=t.shares.tolist()) for t in sample.torsions
        ],
        positions=_rounded(sample.positions),
        weights=sample.weights.tolist(),
        relative_energies_kcal_mol=None if energies is None else _finite(energies.tolist()),
        conformer_of=sample.conformer_of.tolist(),
        seconds=sample.seconds,
    )


def _rounded(positions: npt.NDArray[np.float64]) -> Any:
    return positions.round(DECIMALS).tolist()


def _finite(energies: Sequence[float]) -> list[float | None]:
    return [round(energy, DECIMALS) if math.isfinite(energy) else None for energy in energies]
