"""Pages of results in the file formats of chemistry; the names are those of the CLI's files."""

from collections.abc import Iterator, Mapping, Sequence
from io import StringIO
from typing import Any, Literal, NamedTuple

import ase
import numpy as np
from ase.calculators.singlepoint import SinglePointCalculator
from ase.units import Hartree

from relaxd.client.schemas import JobResult
from relaxd.relax import write_extxyz
from relaxd.service.formats._qcschema import DEFAULT_VERSION, to_qcschema
from relaxd.service.formats._samples import sampled_frames, sampled_records
from relaxd.service.formats._sdf import full_record

FileFormat = Literal["sdf", "extxyz", "qcschema"]
"""A page as a file."""

Format = Literal["json", FileFormat]
"""A page as a file, or as a `ResultPage`."""

MEDIA_TYPES: dict[FileFormat, str] = {
    "sdf": "chemical/x-mdl-sdfile",
    "extxyz": "chemical/x-xyz",
    "qcschema": "application/json",
}


class Written(NamedTuple):
    """A page as a file.

    Attributes:
        text: what the file holds.
        media_type: of the text, which is UTF-8.
        left_out: how many geometries the format cannot hold: in SDF, those whose bonds are unknown.
    """

    text: str
    media_type: str
    left_out: int


def write_results(
    results: Sequence[JobResult],
    format: FileFormat,
    *,
    schema_version: int | None = None,
    received: Mapping[int, int] | None = None,
) -> Written:
    """Write results in their order; those without a geometry only to QCSchema, as what failed.

    Args:
        results: of one job. Each of the conformers that a result holds is written, the lowest
            first; of those, QCSchema has the others among the extras. Of a molecule that was
            sampled, every geometry is written instead; QCSchema has none of them, but the
            conformers and torsions among the extras.
        format: `sdf`, `extxyz`, or `qcschema`, which is a JSON list with one object per result.
        schema_version: of QCSchema, 1 or 2, for every result.
        received: the version, if no other is asked for, of each result whose molecule came as
            QCSchema; by the index of the result, and as `received_version` tells it.
    """
    left_out = 0
    if format == "qcschema":
        text = _qcschema(results, schema_version, received or {})
    else:
        done = [each for result in results if result.status == "ok" for each in _conformers(result)]
        left_out = sum(result.sdf is None for result in done) if format == "sdf" else 0
        text = _sdf_file(done) if format == "sdf" else _extxyz(done)
    return Written(text, MEDIA_TYPES[format], left_out)


def _conformers(result: JobResult) -> list[JobResult]:
    """Return a result for each of its conformers, with that one alone; or itself without any."""
    if result.conformers is None:
        return [result]
    shared = {"sdf", "positions", "relaxation", "verdict"}
    return [
        result.model_copy(
            update={name: getattr(conformer, name) for name in shared} | {"conformers": [conformer]}
        )
        for conformer in result.conformers
    ]


def _sdf_file(results: Sequence[JobResult]) -> str:
    return "".join(_sdf(result, result.sdf) for result in results if result.sdf is not None)


def _sdf(result: JobResult, record: str) -> str:
    items = {"charge": result.charge, "multiplicity": result.multiplicity, **_described(result)}
    if result.sample is not None:
        return "".join(sampled_records(result, result.sample, items))
    if result.dft is not None:
        items["energy_hartree"] = f"{result.dft.energy_hartree:.8f}"
        items["max_force"] = f"{result.dft.max_force:.6f}"
    return full_record(result, record, items)


def _extxyz(results: Sequence[JobResult]) -> str:
    file = StringIO()
    write_extxyz(file, (frame for result in results for frame in _frames(result)))
    return file.getvalue()


def _frames(result: JobResult) -> Iterator[ase.Atoms]:
    atoms = _atoms(result)
    return iter([atoms]) if result.sample is None else sampled_frames(atoms, result.sample)


def _qcschema(
    results: Sequence[JobResult], schema_version: int | None, received: Mapping[int, int]
) -> str:
    objects = (
        to_qcschema(result, schema_version or received.get(result.index, DEFAULT_VERSION))
        for result in results
    )
    return f"[{','.join(objects)}]"


def _atoms(result: JobResult) -> ase.Atoms:
    names = {
        "id": result.id,
        "smiles": result.smiles,
        "charge": result.charge,
        "multiplicity": result.multiplicity,
    }
    info = {key: value for key, value in names.items() if value is not None}
    atoms = ase.Atoms(result.atomic_numbers, result.positions, info=info | _described(result))
    if result.dft is not None:
        energy = result.dft.energy_hartree * Hartree
        forces = np.array(result.dft.forces)
        atoms.calc = SinglePointCalculator(atoms, energy=energy, forces=forces)
        if result.dft.wavenumbers:
            atoms.info["wavenumbers"] = np.array(result.dft.wavenumbers)
    return atoms


def _described(result: JobResult) -> dict[str, Any]:
    """Return what is known of the geometry, by the names of the CLI."""
    return {key: value for key, value in _facts(result) if value is not None}


def _facts(result: JobResult) -> Iterator[tuple[str, Any]]:
    yield "index", result.index
    if result.sample is not None:  # the verdict is on a conformer, not on these geometries
        yield "weighed_by", result.sample.weighed_by
        return
    for conformer in result.conformers or ():
        told = {"relative_energy_kcal_mol", "population", "ranked_by"}
        yield from conformer.model_dump(include=told).items()
    if result.verdict is not None:
        yield from result.verdict.model_dump().items()
    if result.dft is None:
        if result.relaxation is not None:
            yield "converged", result.relaxation.converged
        return
    if result.relaxation is not None:  # `converged` is DFT's
        yield "relaxation_converged", result.relaxation.converged
    told = {"energy_hartree", "forces", "wavenumbers"}
    yield from result.dft.model_dump(exclude=told).items()
    if result.dft.wavenumbers:
        yield "lowest_wavenumber", round(min(result.dft.wavenumbers), 2)
