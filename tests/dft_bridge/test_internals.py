"""Internal coordinates against finite differences."""

import ase
import numpy as np
import pytest
from ase.build import molecule
from ase.units import Bohr
from tests.dft_bridge.surfaces import rotation

from relaxd.dft_bridge._internals import Internals

MOLECULES = ["CH3CH2OH", "C2H2", "H2", "C6H6", "CO2"]


def rattled(name):
    atoms = molecule(name)
    atoms.rattle(0.05, seed=1)
    return atoms


@pytest.mark.parametrize("name", MOLECULES)
def test_wilson_b_is_the_derivative(name):
    atoms = rattled(name)
    internals = Internals(atoms.numbers, atoms.positions)
    x, direction = atoms.positions, np.random.default_rng(0).normal(size=atoms.positions.shape)
    step = 1e-5 * direction
    expected = internals.difference(x + step, x - step) / 2e-5
    found = internals.wilson_b(x) @ direction.ravel()
    np.testing.assert_allclose(found, expected, atol=1e-7)


def butyne():
    atoms = molecule("2-butyne")
    atoms.rattle(0.05, seed=1)
    return atoms


def water_dimer():
    first, second = molecule("H2O"), molecule("H2O")
    second.translate([0.4, 0.2, 2.9])
    return first + second


@pytest.mark.parametrize("atoms", [rattled("CH3CH2OH"), butyne(), water_dimer()])
def test_moving_and_turning_the_molecule_changes_nothing(atoms):
    """Neither straight angles nor the places of fragments, which geomeTRIC has in fixed axes."""
    internals = Internals(atoms.numbers, atoms.positions)
    other = atoms.positions + np.random.default_rng(2).normal(size=atoms.positions.shape) * 0.05
    moved = other @ rotation().T + [1.0, -2.0, 3.0]
    np.testing.assert_allclose(internals.difference(moved, other), 0, atol=1e-9)
    step = 1e-5 * np.random.default_rng(3).normal(size=other.shape)
    expected = internals.difference(moved + step, moved - step) / 2
    found = internals.wilson_b(moved) @ step.ravel()
    np.testing.assert_allclose(found, expected, atol=1e-9)


def test_angles_take_the_shorter_way_round():
    """The torsion of hydrogen peroxide from 170 to 190 degrees."""
    atoms = molecule("H2O2")
    before, after = atoms.copy(), atoms.copy()
    before.set_dihedral(2, 0, 1, 3, 170, indices=[3])
    after.set_dihedral(2, 0, 1, 3, 190, indices=[3])
    internals = Internals(before.numbers, before.positions)
    difference = internals.difference(after.positions, before.positions)
    assert np.abs(difference).max() == pytest.approx(np.radians(20), abs=1e-6)


def test_an_atom_alone_and_fragments_have_coordinates():
    alone = Internals(np.array([2]), np.zeros((1, 3)))
    assert alone.wilson_b(np.zeros((1, 3))).shape == (len(alone), 3)
    pair = ase.Atoms("HeNe", [[0, 0, 0], [0, 0, 3.0]])
    internals = Internals(pair.numbers, pair.positions)
    apart = pair.positions + np.array([[0, 0, 0], [0, 0, 0.1]])
    # Each is half of it away from the middle, in Bohr.
    assert np.abs(internals.difference(apart, pair.positions)).max() == pytest.approx(0.05 / Bohr)


def test_the_model_hessian_is_positive():
    atoms = rattled("CH3CH2OH")
    model = Internals(atoms.numbers, atoms.positions).model_hessian(atoms.positions)
    assert (np.diag(model) > 0).all()
