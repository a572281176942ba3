"""MMFF94 and GFN2-xTB."""

import numpy as np
import pytest
from ase.units import Hartree
from tblite.ase import TBLite

from relaxd.relax import connectivity_kept, from_arrays, from_smiles, gfn2_xtb, mmff94, stereo_kept
from relaxd.relax._baselines import FMAX
from relaxd.relax._force_field import force_field_for, hessian, make_force_field
from relaxd.relax._molecule import with_conformer


def test_energy_of_water() -> None:
    relaxed = gfn2_xtb(from_smiles("O"))
    assert relaxed.converged
    assert relaxed.method == "gfn2-xtb"
    # The value of the xtb program's documentation.
    assert relaxed.energy_ev / Hartree == pytest.approx(-5.0705444, abs=1e-5)


@pytest.mark.parametrize(
    "smiles", ["C[NH3+]", "CC(=O)[O-]", "[CH3]", "[O][O]", "[Na+]", "CC(N)=O", "OB(O)C", "[Li]C"]
)
def test_xtb_relaxes(smiles: str) -> None:
    molecule = from_smiles(smiles)
    relaxed = gfn2_xtb(molecule)
    assert relaxed.converged
    assert connectivity_kept(molecule, relaxed.positions)
    assert stereo_kept(molecule, relaxed.positions)


def test_xtb_needs_no_bonds() -> None:
    iron = from_arrays([26, 17, 17], [[0, 0, 0], [0, 0, 2.2], [0, 0, -2.2]], multiplicity=5)
    assert gfn2_xtb(iron).positions.shape == (3, 3)


def test_charge_and_spin_reach_xtb() -> None:
    numbers, positions = [8, 1], [[0, 0, 0], [0, 0, 0.97]]
    energies = {
        gfn2_xtb(from_arrays(numbers, positions, charge=charge, multiplicity=spin)).energy_ev
        for charge, spin in [(0, 2), (0, 4), (-1, 1), (1, 1), (1, 3)]
    }
    assert len(energies) == 5


@pytest.mark.parametrize("relax", [gfn2_xtb, mmff94])
def test_frozen_atoms_do_not_move(relax: object) -> None:
    start = from_smiles("CC(N)=O", frozen=[0, 2, 5])
    rng = np.random.default_rng(1)
    shaken = start.with_positions(start.positions + rng.normal(scale=0.05, size=(len(start), 3)))
    relaxed = relax(shaken)  # type: ignore[operator]
    frozen = list(start.frozen)
    assert relaxed.converged
    assert np.abs(relaxed.positions - shaken.positions)[frozen].max() < 1e-10
    assert np.abs(relaxed.positions - shaken.positions).max() > 0.02


def test_xtb_does_not_claim_to_have_converged() -> None:
    relaxed = gfn2_xtb(from_smiles("CC(=O)OC"), max_steps=1)
    assert not relaxed.converged
    assert relaxed.n_steps == 1


def test_mmff94_does_not_claim_to_have_converged() -> None:
    start = from_smiles("CC(=O)OCC(N)C=O")
    rng = np.random.default_rng(2)
    shaken = start.with_positions(start.positions + rng.normal(scale=0.1, size=(len(start), 3)))
    assert not mmff94(shaken, max_steps=2).converged
    relaxed = mmff94(shaken)
    assert relaxed.converged
    assert 2 < relaxed.n_steps < 5000


def test_the_molecule_itself_stays_where_it_was() -> None:
    molecule = from_smiles("CO")
    before = molecule.positions.copy()
    gfn2_xtb(molecule)
    mmff94(molecule)
    assert np.array_equal(molecule.positions, before)
    assert molecule.rdmol is not None
    assert np.array_equal(molecule.rdmol.GetConformer().GetPositions(), before)


@pytest.mark.parametrize(("smiles", "name"), [("CC(N)=O", "mmff94"), ("C[Sn](C)(C)C", "uff")])
def test_hessian_is_the_curvature_of_the_energy(smiles: str, name: str) -> None:
    rdmol = from_smiles(smiles).rdmol
    assert rdmol is not None
    assert force_field_for(rdmol) == name
    positions = rdmol.GetConformer().GetPositions()
    direction = np.random.default_rng(4).normal(size=positions.shape)

    def energy(step: float) -> float:
        moved = with_conformer(rdmol, positions + step * direction)
        return float(make_force_field(moved, name).CalcEnergy()) / 23.060548

    step = 1e-3
    curvature = (energy(step) - 2 * energy(0.0) + energy(-step)) / step**2
    d = direction.ravel()
    assert d @ hessian(rdmol, name) @ d == pytest.approx(curvature, rel=1e-3)


def test_converged_means_below_fmax() -> None:
    molecule = from_smiles("CC(N)=O")
    atoms = molecule.with_positions(gfn2_xtb(molecule).positions).to_atoms()
    atoms.calc = TBLite(method="GFN2-xTB", charge=0, multiplicity=1, verbosity=0)
    assert np.linalg.norm(atoms.get_forces(), axis=1).max() < FMAX * 1.05


def test_xtb_starts_where_the_force_field_has_no_curvature() -> None:
    ammonia = from_smiles("N")
    in_a_row = ammonia.with_positions(np.arange(4.0)[:, None] * [1.0, 0.0, 0.0])
    assert not np.isfinite(hessian(in_a_row.rdmol, "mmff94")).all()
    assert np.isfinite(gfn2_xtb(in_a_row, max_steps=5).positions).all()
