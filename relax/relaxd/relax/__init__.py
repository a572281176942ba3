"""Relaxation of molecules: chemistry in and out, the relaxer, its verdict, and baselines."""

from ._arrays import from_arrays, from_atoms
from ._ase import DiffusionRelaxation
from ._baselines import Baseline, gfn2_xtb, mmff94
from ._basins import check_basins
from ._calibration import TooFewExamplesError, calibrate
from ._clusters import Clusters, Symmetry, cluster
from ._conformers import embed_conformers
from ._dft_cache import EnergyCache, Minimum, MinimumCache
from ._domain import Domain
from ._energy_gap import energy_gap
from ._ensemble import Conformer, Ensemble, conformer_starts, rank_conformers
from ._errors import CODES, Category, MoleculeError
from ._evaluation import (
    Case,
    evaluate_basins,
    evaluate_energies,
    evaluate_geometries,
    read_cases,
    table,
)
from ._fallback import relax_doubtful, relax_fallback
from ._formats import from_rdkit, from_sdf, from_xyz
from ._inspection import inspect_model, inspect_references
from ._molecule import Molecule
from ._opsin import can_read_iupac
from ._probes import Landscape, Probe, survey
from ._qcschema import from_qcschema
from ._read import read_molecules, split_records, to_molecule
from ._relaxer import (
    ModelSummary,
    MoleculeLike,
    Relaxer,
)
from ._result import RelaxResult
from ._sampler import Fixpoint, Schedule, relax_to_fixpoint
from ._samples import BoltzmannSample, SampledConformer, TorsionHistogram
from ._sampling import sample_boltzmann
from ._smiles import from_iupac, from_smiles
from ._starts import evaluate_starts, starts_table
from ._superposition import superposed, superposed_rmsd
from ._torsions import torsion_angles, torsions
from ._verdict import Verdict, connectivity_kept, stereo_kept
from ._write import write_extxyz, write_sdf, write_xyz

__all__ = [
    "CODES",
    "Baseline",
    "BoltzmannSample",
    "Case",
    "Category",
    "Clusters",
    "Conformer",
    "DiffusionRelaxation",
    "Domain",
    "EnergyCache",
    "Ensemble",
    "Fixpoint",
    "Landscape",
    "Minimum",
    "MinimumCache",
    "ModelSummary",
    "Molecule",
    "MoleculeError",
    "MoleculeLike",
    "Probe",
    "RelaxResult",
    "Relaxer",
    "SampledConformer",
    "Schedule",
    "Symmetry",
    "TooFewExamplesError",
    "TorsionHistogram",
    "Verdict",
    "calibrate",
    "can_read_iupac",
    "check_basins",
    "cluster",
    "conformer_starts",
    "connectivity_kept",
    "embed_conformers",
    "energy_gap",
    "evaluate_basins",
    "evaluate_energies",
    "evaluate_geometries",
    "evaluate_starts",
    "from_arrays",
    "from_atoms",
    "from_iupac",
    "from_qcschema",
    "from_rdkit",
    "from_sdf",
    "from_smiles",
    "from_xyz",
    "gfn2_xtb",
    "inspect_model",
    "inspect_references",
    "mmff94",
    "rank_conformers",
    "read_cases",
    "read_molecules",
    "relax_doubtful",
    "relax_fallback",
    "relax_to_fixpoint",
    "sample_boltzmann",
    "split_records",
    "starts_table",
    "stereo_kept",
    "superposed",
    "superposed_rmsd",
    "survey",
    "table",
    "to_molecule",
    "torsion_angles",
    "torsions",
    "write_extxyz",
    "write_sdf",
    "write_xyz",
]
