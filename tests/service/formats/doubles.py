"""Results to write: relaxed and refined molecules, and one that failed."""

import json
from typing import Any

import numpy as np
from ase import units

from relaxd.client.schemas import Dft, JobResult, Problem, Relaxation, Usage, Verdict
from relaxd.dft_bridge import RefineResult
from relaxd.relax import Molecule, from_arrays, from_smiles
from relaxd.service._refined import Refined
from relaxd.service.formats._formats import write_results

MOLECULES = {
    "aspirin": from_smiles("CC(=O)Oc1ccccc1C(=O)O", id="aspirin"),
    "zwitterion": from_smiles("[NH3+][C@@H](C)C(=O)[O-]", id="alanine"),
    "ammonium": from_smiles("[NH4+]"),
    "radical": from_smiles("[CH3]", id="methyl radical"),
    "triplet": from_smiles("[O][O]", id="oxygen"),
    "ion": from_smiles("[Na+]", id="sodium"),
    "backslash": from_smiles("F/C=C\\F", id="cis"),
}
METAL = from_arrays([26, 17], [[0, 0, 0], [0, 0, 2.2]], multiplicity=6, id="no bonds")
WAVENUMBERS = [-312.456, 1500.25]
VERDICT = Verdict(
    connectivity_kept=True,
    stereo_kept=None,
    in_domain=True,
    expected_error_kcal_mol=0.25,
    method="diffusion",
)


def moved(molecule: Molecule) -> np.ndarray:
    return molecule.positions + np.linspace(0.01, 0.02, 3)


def forces_of(molecule: Molecule) -> np.ndarray:
    return np.linspace(-0.5, 0.7, 3 * len(molecule)).reshape(-1, 3)


def result_of(molecule: Molecule, index: int = 0, **fields: Any) -> JobResult:
    """A relaxed molecule, with the SDF that the service makes of it."""
    positions = moved(molecule)
    record = molecule.with_positions(positions).to_sdf({"method": "diffusion", "converged": True})
    given = {
        "index": index,
        "id": molecule.id,
        "status": "ok",
        "smiles": molecule.smiles,
        "atomic_numbers": molecule.atomic_numbers.tolist(),
        "positions": positions.tolist(),
        "start_positions": molecule.positions.tolist(),
        "charge": molecule.charge,
        "multiplicity": molecule.multiplicity,
        "sdf": record,
        "relaxation": Relaxation(
            converged=True, n_evaluations=3, rmsd_from_start=0.02, seconds=0.01
        ),
        "verdict": VERDICT,
        "usage": Usage(cpu_seconds=1, gpu_seconds=0, energy_wh=1, co2e_g=None, estimated=True),
    }
    return JobResult(**given | fields)


def refined_of(molecule: Molecule, converged: bool = True) -> Refined:
    forces = forces_of(molecule)
    result = RefineResult(
        atomic_numbers=molecule.atomic_numbers,
        positions=moved(molecule),
        energy=-76.123456789012 * units.Hartree,
        forces=forces,
        charge=molecule.charge,
        multiplicity=molecule.multiplicity,
        level="r2scan-d4/def2-svp in water",
        converged=converged,
        coarse=False,
        max_force=float(np.linalg.norm(forces, axis=1).max()),
        n_gradients=7,
        scf_cycles=70,
        seconds=3.5,
        cpu_seconds=7.0,
        start="relaxd",
        hessian="gfn2-xtb",
        backend="pyscf",
        same_connectivity=True,
        wavenumbers=np.array(WAVENUMBERS),
    )
    return Refined(molecule, result)


def dft_of(refined: Refined) -> Dft:
    told = {name: getattr(refined.result, name) for name in Dft.model_fields}
    return Dft(**told | {"forces": refined.result.forces.tolist(), "wavenumbers": WAVENUMBERS})


def refined_result(molecule: Molecule, index: int = 0, converged: bool = True) -> JobResult:
    refined = refined_of(molecule, converged)
    return result_of(molecule, index, sdf=refined.to_sdf(), dft=dft_of(refined))


def failed(index: int = 0, kind: str = "input:unparsable-smiles") -> JobResult:
    problem = Problem(
        type=f"urn:relaxd:error:{kind}", title="It failed", status=422, detail="'CC(': not a SMILES"
    )
    return JobResult(index=index, id="broken", status="error", error=problem)


def objects(*results: JobResult, **options: Any) -> list[dict[str, Any]]:
    written = write_results(results, "qcschema", **options)
    assert (written.media_type, written.left_out) == ("application/json", 0)
    found: list[dict[str, Any]] = json.loads(written.text)
    return found
