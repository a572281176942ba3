"""Results as QCSchema, which measures in Bohr and Hartree."""

import json
import sys
from collections.abc import Sequence
from importlib import metadata
from typing import Any

import numpy as np
from ase.data import chemical_symbols
from ase.units import Bohr, Hartree
from qcelemental.models import QCEL_V1V2_SHIM_CODE, v2
from rdkit import Chem, rdBase

from relaxd.client.schemas import Dft, JobResult, Problem

DEFAULT_VERSION = 2
"""Of QCSchema, where none is asked for."""

MOLECULE_VERSIONS = {2: 1, 3: 2}
"""The versions of `qcschema_molecule`, which are counted by themselves, and those of QCSchema."""

ERROR_TYPES = {
    "input": "input_error",
    "limit": "resource_error",
    "resource": "resource_error",
    "convergence": "convergence_error",
}
"""What QCEngine calls our categories of errors; it calls all others `unknown_error`."""

V1 = 1 if sys.version_info < (3, 14) else QCEL_V1V2_SHIM_CODE
"""What QCElemental calls version 1; where there is no pydantic v1, that of its stand-in."""

DECIMALS = 13
"""Of a geometry, Bohr; by default, QCElemental rounds to 8."""


def received_version(item: Any) -> int | None:
    """Return the version of QCSchema in which an entry of a request came, if it came in one."""
    schema = item.get("qcschema") if isinstance(item, dict) else None
    if not isinstance(schema, dict):
        return None
    molecule = schema.get("molecule", schema)
    version = molecule.get("schema_version") if isinstance(molecule, dict) else None
    return MOLECULE_VERSIONS.get(version) if isinstance(version, int) else None


def to_qcschema(result: JobResult, version: int) -> str:
    """Return a result as the JSON of one QCSchema object.

    It is a molecule, of one that was sampled in its most populated conformer, or an optimization
    result where DFT refined; a failed operation where there
    is no geometry, or where DFT has not converged, as a result of QCSchema is a success; what DFT
    has reached is then `final_molecule` in the extras.

    Args:
        result: of a job.
        version: of QCSchema, 1 or 2.
    """
    return _json(_model(result, version), version)


def _model(result: JobResult, version: int) -> Any:
    if result.error is not None:
        return _failed(result, result.error)
    if result.dft is None:
        return _molecule(result, result.positions, _extras(result))
    final = _molecule(result, result.positions)
    if not result.dft.converged:
        return _unconverged(result, final, result.dft, version)
    return _optimization(result, final, result.dft)


def _molecule(
    result: JobResult,
    positions: Sequence[tuple[float, float, float]] | None,
    extras: dict[str, Any] | None = None,
) -> Any:
    molecule = v2.Molecule(
        symbols=[chemical_symbols[number] for number in result.atomic_numbers or ()],
        geometry=np.array(positions) / Bohr,
        geometry_noise=DECIMALS,
        name=result.id,
        identifiers=result.smiles and {"smiles": result.smiles},
        molecular_charge=result.charge,
        molecular_multiplicity=result.multiplicity,
        connectivity=_connectivity(result),
        fix_com=True,  # the frame is that of the input, and of the gradient
        fix_orientation=True,
        extras=extras or {},
    )
    # Only now: validation puts QCElemental in its place.
    return molecule.model_copy(update={"provenance": _provenance(result)})


def _optimization_input(result: JobResult, dft: Dft) -> Any:
    method, _, rest = dft.level.partition("/")
    basis, _, solvent = rest.partition(" in ")
    return v2.OptimizationInput(
        id=result.id,
        initial_molecule=_molecule(result, result.start_positions),
        specification={
            "program": "relaxd",
            "specification": {
                "program": dft.backend,
                "driver": "gradient",
                "model": {"method": method, "basis": basis or None},
                "keywords": {"solvent": solvent} if solvent else {},
            },
        },
        provenance=_provenance(result),
    )


def _optimization(result: JobResult, final: Any, dft: Dft) -> Any:
    gradient = -np.array(dft.forces) * (Bohr / Hartree)
    final_point = {"return_energy": dft.energy_hartree, "return_gradient": gradient}
    return v2.OptimizationResult(
        id=result.id,
        input_data=_optimization_input(result, dft),
        final_molecule=final,
        trajectory_results=[],
        # Of the points before it, nothing is kept.
        trajectory_properties=[final_point | {"calcinfo_natom": len(gradient)}],
        properties=final_point,
        provenance=_provenance(result),
        extras=_extras(result),
    )


def _unconverged(result: JobResult, final: Any, dft: Dft, version: int) -> Any:
    # As objects of the version that is asked for: no conversion looks inside a failure.
    asked, reached = (
        json.loads(_json(part, version)) for part in (_optimization_input(result, dft), final)
    )
    message = f"DFT has not converged after {dft.n_gradients} gradients"
    return v2.FailedOperation(
        id=result.id,
        input_data=asked,
        error={"error_type": "convergence_error", "error_message": message},
        extras=_extras(result) | {"final_molecule": reached},
    )


def _failed(result: JobResult, problem: Problem) -> Any:
    category = problem.type.removeprefix("urn:relaxd:error:").partition(":")[0]
    return v2.FailedOperation(
        id=result.id,
        error={
            "error_type": ERROR_TYPES.get(category, "unknown_error"),
            "error_message": problem.detail or problem.title,
        },
        extras=_extras(result),
    )


def _connectivity(result: JobResult) -> list[tuple[int, int, float]] | None:
    if result.sdf is None:
        return None
    with rdBase.BlockLogs():
        mol = Chem.MolFromMolBlock(result.sdf, sanitize=False, removeHs=False)
    bonds = [
        (bond.GetBeginAtomIdx(), bond.GetEndAtomIdx(), bond.GetBondTypeAsDouble())
        for bond in mol.GetBonds()
    ]
    return bonds or None  # QCSchema has no empty list of them


def _extras(result: JobResult) -> dict[str, Any]:
    """Return what the JSON of the result says and QCSchema has no place for."""
    kept = {"index", "relaxation", "verdict", "dft", "usage", "error", "conformers", "sample"}
    each_geometry = {"positions", "weights", "relative_energies_kcal_mol", "conformer_of"}
    said = result.model_dump(
        include=kept,
        exclude={
            "dft": {"forces"},
            "conformers": {"__all__": {"sdf"}},
            "sample": each_geometry,
        },
    )
    return {"relaxd": {key: value for key, value in said.items() if value is not None}}


def _provenance(result: JobResult) -> Any:
    routine = "relax" if result.dft is None else "refine"
    if result.sample is not None:
        routine = "sample"
    return v2.Provenance(creator="relaxd", version=metadata.version("relaxd"), routine=routine)


def _json(model: Any, version: int) -> str:
    converted = model.convert_v(V1) if version == 1 else model
    return str(converted.serialize("json", exclude_none=True))
