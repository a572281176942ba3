"""The shipped model on real molecules, as a user calls it."""

from dataclasses import replace

import ase
import numpy as np
import pytest
import torch
from ase.build import molecule as g2_molecule
from ase.constraints import FixAtoms

from relaxd.model import model_names
from relaxd.relax import (
    DiffusionRelaxation,
    MoleculeError,
    Relaxer,
    RelaxResult,
    Schedule,
    from_atoms,
    from_smiles,
    relax_doubtful,
    superposed_rmsd,
)
from relaxd.relax._buckets import PADDING, PAIRS_PER_BATCH, buckets

ACETAMIDE = {"C-N": 1.369, "C=O": 1.214}
"""Angstrom, QM9's molecule 19, B3LYP/6-31G(2df,p)."""

SMILES = ["CC(=O)OCC(N)C=O", "c1ccncc1O", "C[C@H](N)C(=O)O", "OCC1OC1"]


@pytest.fixture(scope="module")
def relaxer():
    return Relaxer.load()


def test_a_smiles_is_relaxed_by_the_model(relaxer):
    result = relaxer.relax("C[C@H](N)C(=O)O")
    assert result.verdict.method == "diffusion"
    assert result.verdict.in_domain
    assert result.verdict.connectivity_kept
    assert result.verdict.stereo_kept
    assert result.converged
    assert 0 < result.rmsd_from_start < 0.5
    assert result.n_evaluations <= relaxer.schedule.max_evaluations
    assert "V2000" in result.to_sdf()


def test_bond_lengths_are_those_of_dft(relaxer):
    """Mesoxalonitrile, which is in no training data: QM9 record 323, B3LYP/6-31G(2df,p)."""
    atoms = relaxer.relax("N#CC(=O)C#N").to_atoms()
    assert atoms.get_distance(0, 1) == pytest.approx(1.156, abs=0.003)
    assert atoms.get_distance(1, 2) == pytest.approx(1.464, abs=0.005)
    assert atoms.get_distance(2, 3) == pytest.approx(1.2015, abs=0.003)


@pytest.mark.parametrize("smiles", ["C", "CC", "C=C", "CO"])
def test_what_is_smaller_than_the_training_data_is_not_the_models(relaxer, smiles):
    result = relaxer.relax(smiles)
    assert result.verdict.method == "gfn2-xtb"
    assert not result.verdict.in_domain


def test_geometries_are_used_as_given(relaxer):
    """No re-embedding: order, frame and conformer of the input are those of the output."""
    start = from_smiles("CC(=O)OCC(N)C=O").to_atoms()
    start.positions += [10.0, -4.0, 2.0]
    start = start[::-1]
    result = relaxer.relax(start)
    assert result.molecule.atomic_numbers.tolist() == start.numbers.tolist()
    assert np.abs(result.positions - start.positions).max() < 1.0
    assert result.positions.mean(0) == pytest.approx(start.positions.mean(0), abs=1e-3)


def test_a_relaxed_geometry_hardly_moves_again(relaxer):
    first = relaxer.relax("c1ccncc1O")
    again = relaxer.relax(first.to_atoms())
    assert again.rmsd_from_start < 0.02


def test_batches_give_what_single_calls_give(relaxer):
    together = relaxer.relax_batch(SMILES)
    for smiles, batched in zip(SMILES, together, strict=True):
        single = relaxer.relax(smiles)
        assert superposed_rmsd(single.positions, batched.positions) < 1e-4
        assert single.n_evaluations == batched.n_evaluations


def test_a_batch_takes_fewer_forward_passes_than_single_calls(relaxer):
    molecules = [from_smiles(smiles) for smiles in ["CCO", "CCN", "COC"]]
    before = relaxer.n_forward
    results = relaxer.relax_in_domain(molecules)
    passes = relaxer.n_forward - before
    assert passes == max(result.n_evaluations for result in results)


def test_one_bad_molecule_does_not_fail_its_batch(relaxer):
    outcomes = relaxer.relax_batch(["CCO", "C(", "[Na+].[Cl-]", "CCF"])
    assert isinstance(outcomes[0], RelaxResult)
    assert isinstance(outcomes[1], MoleculeError)
    assert outcomes[1].code == "unparsable-smiles"
    assert outcomes[2].code == "multiple-fragments"
    assert outcomes[3].verdict.method == "gfn2-xtb"


@pytest.mark.parametrize(
    "smiles",
    ["CCF", "CC(=O)[O-]", "C[NH3+]", "[CH3]", "CCCCCCCCCCCCCCCCCCCCCCCCC"],
    ids=["element", "anion", "cation", "radical", "size"],
)
def test_outside_the_domain_it_is_gfn2_xtb_and_says_so(relaxer, smiles):
    molecule = from_smiles(smiles)
    assert not relaxer.in_domain(molecule)
    if len(molecule) < 30:
        result = relaxer.relax(molecule)
        assert result.verdict.method == "gfn2-xtb"
        assert not result.verdict.in_domain


def test_what_has_not_converged_is_not_called_converged(relaxer):
    hasty = Relaxer.load()
    hasty.schedule = Schedule(max_evaluations=1, tolerance=1e-4)
    (result,) = hasty.relax_in_domain([from_smiles("CC(=O)OCC(N)C=O")])
    assert not result.converged
    assert result.n_evaluations == 1


def test_where_the_model_does_not_converge_it_is_gfn2_xtb_and_says_so():
    hasty = Relaxer.load()
    hasty.schedule = Schedule(max_evaluations=4, tolerance=1e-7)
    result = hasty.relax("CC(=O)OCC(N)C=O")
    assert result.converged
    assert result.verdict.in_domain
    assert result.verdict.method == "gfn2-xtb"


def test_what_nothing_relaxes_is_answered_as_the_model_left_it(relaxer):
    (result,) = relaxer.relax_in_domain([from_smiles("CCO")])
    unconverged = replace(result, converged=False)

    def failing(molecule, in_domain):
        raise MoleculeError("scf-not-converged", "no solution")

    assert relax_doubtful(unconverged, failing) is unconverged
    assert relax_doubtful(unconverged, lambda *_: unconverged) is unconverged


def test_frozen_atoms_stay_exactly(relaxer):
    atoms = from_smiles("CCCO").to_atoms()
    atoms.set_constraint(FixAtoms([0, 3]))
    result = relaxer.relax(atoms)
    assert np.array_equal(result.positions[[0, 3]], atoms.positions[[0, 3]])
    assert result.rmsd_from_start > 0


def test_the_trajectory_goes_from_the_start_by_every_step_to_the_end(relaxer):
    results = relaxer.relax_batch([*SMILES, "C[NH3+]"])
    assert {result.verdict.method for result in results} == {"diffusion", "gfn2-xtb"}
    for result in results:
        frames = result.trajectory
        n_steps = len(frames) - 1
        by_model = result.verdict.method == "diffusion"
        assert n_steps == result.n_evaluations - (not by_model)
        assert np.array_equal(frames[0], result.molecule.positions)
        assert np.array_equal(frames[-1], result.positions)
        largest = [np.linalg.norm(step, axis=-1).max() for step in np.diff(frames, axis=0)]
        assert min(largest) > 0
        assert largest[-1] < largest[0]


def test_frozen_atoms_stay_in_every_frame(relaxer):
    atoms = from_smiles("CCCO").to_atoms()
    atoms.set_constraint(FixAtoms([0, 3]))
    frames = relaxer.relax(atoms).trajectory
    assert np.array_equal(frames[:, [0, 3]], np.tile(atoms.positions[[0, 3]], (len(frames), 1, 1)))


def test_ase_atoms_are_relaxed_in_place():
    atoms = g2_molecule("CH3CH2OH")
    before = atoms.positions.copy()
    relaxation = DiffusionRelaxation(atoms)
    assert relaxation.nsteps == 0
    assert relaxation.run()
    assert relaxation.nsteps == relaxation.result.n_evaluations
    assert 0 < superposed_rmsd(before, atoms.positions) < 0.2


def test_ase_charges_lead_to_the_fallback():
    atoms = ase.Atoms("OH", [[0, 0, 0], [0, 0, 1.0]], info={"charge": -1})
    relaxation = DiffusionRelaxation(atoms)
    relaxation.run()
    assert relaxation.result.verdict.method == "gfn2-xtb"
    assert atoms.get_distance(0, 1) == pytest.approx(0.96, abs=0.02)


def test_superposition_finds_rotations_but_no_reflections():
    rng = np.random.default_rng(0)
    points = rng.normal(size=(7, 3))
    rotation, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    rotation *= np.sign(np.linalg.det(rotation))
    assert superposed_rmsd(points, points @ rotation + 3.0) == pytest.approx(0, abs=1e-6)
    assert superposed_rmsd(points, -points @ rotation) > 0.1


def test_buckets_hold_every_molecule_once_and_little_padding():
    sizes = list(np.random.default_rng(0).integers(3, 60, size=500))
    rows = list(buckets(sizes))
    assert sorted(row for bucket in rows for row in bucket) == list(range(500))
    for bucket in rows:
        padded = len(bucket) * max(sizes[r] for r in bucket) ** 2
        assert padded - sum(sizes[r] ** 2 for r in bucket) <= PADDING * PAIRS_PER_BATCH
        assert len(bucket) == 1 or padded <= PAIRS_PER_BATCH


MOLECULES = ("CCO", "c1ccncc1O", "CC(=O)OCC(N)C=O", "C1CC1C#N")


def test_bf16_ends_where_single_precision_does(relaxer):
    lower = Relaxer.load(precision="bf16")
    for single, half in zip(
        relaxer.relax_batch(MOLECULES), lower.relax_batch(MOLECULES), strict=True
    ):
        assert half.verdict.method == "diffusion"
        assert half.positions.dtype == np.float64
        assert 0 < superposed_rmsd(half.positions, single.positions) < 0.01
        assert half.verdict.expected_error_kcal_mol < 10


def test_a_network_is_compiled_in_single_precision_alone(tmp_path):
    with pytest.raises(ValueError, match="in single precision"):
        Relaxer.load(precision="bf16", compiled_in=tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
@pytest.mark.parametrize(("precision", "tolerance"), [("fp32", 1e-3), ("bf16", 0.01)])
def test_a_gpu_ends_where_the_cpu_does(relaxer, precision, tolerance):
    on_gpu = Relaxer.load(device="cuda", precision=precision)
    for here, there in zip(
        relaxer.relax_batch(MOLECULES), on_gpu.relax_batch(MOLECULES), strict=True
    ):
        assert superposed_rmsd(here.positions, there.positions) < tolerance


@pytest.mark.parametrize("name", model_names())
def test_every_model_that_ships_knows_dft_bonds(name):
    molecule = from_smiles("CC(N)=O")
    result = Relaxer.load(name).relax(molecule)
    assert result.verdict.method == "diffusion"
    assert result.converged
    assert result.verdict.expected_error_kcal_mol < 1
    atoms = result.to_atoms()
    assert atoms.get_distance(1, 2) == pytest.approx(ACETAMIDE["C-N"], abs=0.01)
    assert atoms.get_distance(1, 3) == pytest.approx(ACETAMIDE["C=O"], abs=0.01)


def test_a_few_small_molecules_share_a_pass():
    assert list(buckets([17, 9, 13])) == [[1, 2, 0]]


def test_molecules_keep_their_identity_through_ase(relaxer):
    molecule = from_smiles("C[C@H](N)C(=O)O", id="alanine")
    again = from_atoms(relaxer.relax(molecule).to_atoms())
    assert again.smiles == molecule.smiles
