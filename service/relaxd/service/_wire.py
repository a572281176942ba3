"""Between the JSON of a molecule or a result and the objects of `relaxd.relax`."""

from typing import Any

from pydantic import ValidationError

from relaxd import relax
from relaxd.client import schemas
from relaxd.client.schemas import (
    ModelInfo,
    Molecule,
    Relaxation,
    Result,
    Usage,
    Verdict,
)
from relaxd.relax import Conformer, Ensemble, MoleculeError, Relaxer, RelaxResult
from relaxd.service._problems import ProblemError, field_faults

FORM_CODES = frozenset({"no-form", "several-forms", "missing-coordinates"})
"""Faults that the schema of a molecule names itself."""


def parse_item(item: Any) -> Molecule:
    """Return one entry of a request as a molecule; a plain string is a SMILES.

    Raises:
        ProblemError: the entry is not a molecule in exactly one form.
    """
    try:
        return Molecule.model_validate({"smiles": item} if isinstance(item, str) else item)
    except ValidationError as error:
        first = error.errors()[0]
        code = first["type"] if first["type"] in FORM_CODES else "invalid-molecule"
        raise ProblemError(
            "input", code, first["msg"], errors=field_faults(error.errors())
        ) from None


def item_id(item: Any) -> str | None:
    """Return the id of an entry that may be no molecule at all, as text that can be encoded."""
    given = item.get("id") if isinstance(item, dict) else None
    return given.encode(errors="replace").decode() if isinstance(given, str) else None


def result_of(relaxed: RelaxResult, usage: Usage, *, trajectory: bool = False) -> Result:
    """Return a relaxed molecule as it goes over the wire, if asked for with all its steps.

    Raises:
        ProblemError: the geometry is no longer one of a molecule.
    """
    start = relaxed.molecule
    try:
        sdf = relaxed.to_sdf()
    except MoleculeError as error:
        raise ProblemError("convergence", "diverged", error.message) from error
    return Result(
        id=start.id,
        status="ok",
        smiles=start.smiles,
        atomic_numbers=start.atomic_numbers.tolist(),
        positions=relaxed.positions.tolist(),
        start_positions=start.positions.tolist(),
        trajectory=relaxed.trajectory.tolist() if trajectory else None,
        charge=start.charge,
        multiplicity=start.multiplicity,
        sdf=sdf,
        relaxation=relaxation_of(relaxed),
        verdict=verdict_of(relaxed.verdict),
        usage=usage,
    )


def ensemble_of(ensemble: Ensemble, usage: Usage, *, trajectory: bool = False) -> Result:
    """Return the conformers of a molecule as they go over the wire, the lowest as its result.

    Raises:
        ProblemError: the geometry is no longer one of a molecule.
    """
    told = [_conformer_of(conformer, ensemble.ranked_by) for conformer in ensemble.conformers]
    update = {"conformers": told, "conformers_found": ensemble.n_found}
    return result_of(ensemble.lowest, usage, trajectory=trajectory).model_copy(update=update)


def _conformer_of(conformer: Conformer, ranked_by: str) -> schemas.Conformer:
    relaxed = conformer.relaxed
    return schemas.Conformer(
        positions=relaxed.positions.tolist(),
        relative_energy_kcal_mol=conformer.relative_energy_kcal_mol,
        population=conformer.population,
        ranked_by=ranked_by,
        sdf=conformer.to_sdf(),
        relaxation=relaxation_of(relaxed),
        verdict=verdict_of(relaxed.verdict),
    )


def verdict_of(verdict: relax.Verdict) -> Verdict:
    """Return a verdict, as it goes over the wire."""
    return Verdict(
        connectivity_kept=verdict.connectivity_kept,
        stereo_kept=verdict.stereo_kept,
        in_domain=verdict.in_domain,
        expected_error_kcal_mol=verdict.expected_error_kcal_mol,
        method=verdict.method,
    )


def relaxation_of(relaxed: RelaxResult) -> Relaxation:
    """Return how a relaxation went, as it goes over the wire."""
    return Relaxation(
        converged=relaxed.converged,
        n_evaluations=relaxed.n_evaluations,
        rmsd_from_start=relaxed.rmsd_from_start,
        seconds=relaxed.seconds,
    )


def error_result(item: Any, error: ProblemError) -> Result:
    """Return the result of an entry that failed."""
    return Result(id=item_id(item), status="error", error=error.problem)


def model_info(relaxer: Relaxer) -> ModelInfo:
    """Return what a caller may know about the model."""
    model = relaxer.model
    return ModelInfo(
        name=model.name,
        sha256=model.sha256,
        level_of_theory=model.level_of_theory,
        elements=list(model.elements),
        max_atoms=model.max_atoms,
        n_parameters=model.n_parameters,
        accuracy=dict(model.accuracy),
    )
