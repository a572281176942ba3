"""Sampled geometries, each as a record or a frame of its own."""

from collections.abc import Iterator
from typing import Any

import ase
import numpy as np

from relaxd.client.schemas import JobResult, Sample
from relaxd.relax import from_sdf
from relaxd.service.formats._sdf import full_record


def sampled_records(result: JobResult, sample: Sample, items: dict[str, Any]) -> Iterator[str]:
    """Yield a record of SDF for each geometry.

    Args:
        result: sampled, so its bonds are known.
        sample: of the result.
        items: of every record.
    """
    molecule = from_sdf(
        str(result.sdf), charge=result.charge, multiplicity=result.multiplicity, id=result.id
    )
    for row, positions in enumerate(sample.positions):
        record = molecule.with_positions(np.array(positions)).to_sdf(_told(sample, row))
        yield full_record(result, str(record), items)


def sampled_frames(atoms: ase.Atoms, sample: Sample) -> Iterator[ase.Atoms]:
    """Yield the atoms in each geometry.

    Args:
        atoms: of the result, with all that is told of every geometry in `info`.
        sample: of the result.
    """
    for row, positions in enumerate(sample.positions):
        frame = atoms.copy()
        frame.set_positions(positions)
        frame.info |= _told(sample, row)
        yield frame


def _told(sample: Sample, row: int) -> dict[str, Any]:
    """Return what is told of one geometry, by the names of `BoltzmannSample.items`."""
    energies = sample.relative_energies_kcal_mol
    told = {
        "temperature": sample.temperature,
        "weight": sample.weights[row],
        "conformer": sample.conformer_of[row],
        "relative_energy_kcal_mol": None if energies is None else energies[row],
    }
    return {name: value for name, value in told.items() if value is not None}
