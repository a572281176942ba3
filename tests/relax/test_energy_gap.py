"""The estimated DFT energy above a DFT minimum."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from relaxd.relax import energy_gap, from_arrays, from_smiles, gfn2_xtb, superposed, superposed_rmsd


@pytest.fixture(scope="module")
def molecule():
    return from_smiles("CC(=O)OC")


def shaken(molecule, scale, seed=0):
    noise = np.random.default_rng(seed).normal(scale=scale, size=molecule.positions.shape)
    return molecule.with_positions(molecule.positions + noise)


def test_the_minimum_itself_lies_nowhere_above(molecule):
    assert energy_gap(molecule, molecule.positions) == pytest.approx(0.0, abs=1e-4)


def test_at_its_own_minimum_it_is_the_energy_of_gfn2_xtb(molecule):
    minimum = gfn2_xtb(molecule, fmax=1e-3)
    higher = shaken(molecule.with_positions(minimum.positions), 0.02)
    rise = (gfn2_xtb(higher, max_steps=0).energy_ev - minimum.energy_ev) * 23.0605
    assert energy_gap(higher, minimum.positions) == pytest.approx(rise, rel=0.02)


def test_small_displacements_cost_their_square(molecule):
    """Also where GFN2-xTB itself has a slope, as at every minimum of another method."""
    gaps = []
    for scale in (0.002, 0.004):
        moved = shaken(molecule, scale)
        there = energy_gap(moved, molecule.positions)
        back = energy_gap(
            molecule.with_positions(2 * molecule.positions - moved.positions), molecule.positions
        )
        gaps.append((there + back) / 2)
    assert gaps[0] > 0
    assert gaps[1] / gaps[0] == pytest.approx(4.0, rel=0.05)


def test_where_the_molecule_lies_does_not_matter(molecule):
    moved = shaken(molecule, 0.02)
    turn = Rotation.random(random_state=3).as_matrix()
    turned = moved.with_positions(moved.positions @ turn.T + [3.0, -2.0, 9.0])
    expected = energy_gap(moved, molecule.positions)
    assert energy_gap(turned, molecule.positions) == pytest.approx(expected, rel=1e-3)


def test_charge_and_spin_count():
    numbers, minimum = [8, 1], np.array([[0.0, 0, 0], [0, 0, 0.97]])
    stretched = minimum * [1, 1, 1.05]
    gaps = {
        round(energy_gap(from_arrays(numbers, stretched, charge=q, multiplicity=m), minimum), 6)
        for q, m in [(-1, 1), (0, 2), (1, 1)]
    }
    assert len(gaps) == 3


def test_superposition_is_the_nearest_one():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 7, 3))
    laid = superposed(a, b)
    assert np.sqrt(((laid - b) ** 2).sum(1).mean()) == pytest.approx(superposed_rmsd(a, b))
    assert superposed_rmsd(laid, a) < 1e-7
    mirrored = a * [1, 1, -1]
    assert np.abs(superposed(mirrored, a) - a).max() > 0.1
