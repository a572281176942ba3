"""The surrogate agrees with what it was told, and its minimum is found."""

import numpy as np
import pytest
from ase.build import molecule
from tests.dft_bridge.surfaces import Gfn1Xtb, rotation

from relaxd.dft_bridge import Point
from relaxd.dft_bridge._low_level import Gfn2Xtb, LowLevelError, hessian
from relaxd.dft_bridge._surrogate import Surrogate, largest, minimise

ATOMS = molecule("CH3CH2OH")


def point(positions, coarse=False):
    energy, gradient = Gfn1Xtb(ATOMS.numbers)(positions)
    return Point(positions, energy, gradient, coarse)


def rattled(seed, size=0.03):
    return ATOMS.positions + np.random.default_rng(seed).normal(size=ATOMS.positions.shape) * size


def surrogate(low_level, *points):
    found = Surrogate(ATOMS.numbers, ATOMS.positions, low_level)
    for told in points:
        found.learn(told)
    return found


@pytest.fixture(params=["gfn2-xtb", "model"])
def low_level(request):
    return Gfn2Xtb(ATOMS.numbers) if request.param == "gfn2-xtb" else None


def test_it_agrees_with_all_points(low_level):
    """As far as they are free of noise."""
    points = [point(rattled(seed)) for seed in (1, 2, 3)]
    found = surrogate(low_level, *points)
    for told in points:
        np.testing.assert_allclose(found(told.positions)[1], told.gradient, atol=0.01)


def test_a_coarse_point_says_nothing_about_the_energy_of_a_fine_one(low_level):
    first, second, x = point(rattled(1), coarse=True), point(rattled(2)), rattled(3)
    higher = Point(first.positions, first.energy + 0.05, first.gradient, True)
    found, other = (surrogate(low_level, coarse, second) for coarse in (first, higher))
    np.testing.assert_allclose(found(x)[1], other(x)[1], atol=0.01)


def test_its_gradient_is_that_of_its_energy(low_level):
    found, x = surrogate(low_level, point(rattled(1)), point(rattled(2))), rattled(3)
    direction = np.random.default_rng(4).normal(size=x.shape)
    step = 1e-4 * direction
    slope = (found(x + step)[0] - found(x - step)[0]) / 2e-4
    assert (found(x)[1] * direction).sum() == pytest.approx(slope, abs=2e-4)


def test_it_turns_with_the_molecule(low_level):
    found, x, turn = surrogate(low_level, point(rattled(1))), rattled(2), rotation()
    energy, gradient = found(x)
    turned = found(x @ turn.T)
    assert turned[0] == pytest.approx(energy, abs=1e-6)
    np.testing.assert_allclose(turned[1], gradient @ turn.T, atol=1e-4)


def test_it_cannot_be_asked_before_it_was_told():
    with pytest.raises(RuntimeError, match="DFT point"):
        surrogate(None)(ATOMS.positions)


def test_the_minimum_of_a_surface_is_found_and_frozen_atoms_stay():
    xtb, x = Gfn2Xtb(ATOMS.numbers), rattled(1)
    movable = np.ones((len(x), 1))
    movable[2] = 0
    found, change = minimise(xtb, x, hessian(xtb, x), movable=movable, within=1.0)
    assert change == pytest.approx(xtb(found)[0] - xtb(x)[0])
    assert change < 0
    assert largest(xtb(found)[1] * movable) < 5e-4
    np.testing.assert_array_equal(found[2], x[2])


def test_no_atom_leaves_the_ball():
    xtb, x = Gfn2Xtb(ATOMS.numbers), rattled(1, 0.1)
    found, change = minimise(xtb, x, hessian(xtb, x), movable=np.ones((len(x), 1)), within=0.02)
    assert 0.002 < largest(found - x) <= 0.02
    assert change < 0


def test_where_the_low_level_has_no_answer_the_walk_ends_before():
    """A wall at z = 0.01 Angstrom above the start."""
    xtb, x = Gfn2Xtb(ATOMS.numbers), rattled(1, 0.1)

    def walled(positions):
        if np.abs(positions - x).max() > 0.01:
            raise LowLevelError("beyond the wall")
        return xtb(positions)

    found, change = minimise(walled, x, hessian(xtb, x), movable=np.ones((len(x), 1)), within=1.0)
    assert change < 0
    assert np.abs(found - x).max() <= 0.01


def test_the_hessian_is_that_of_the_low_level():
    xtb = Gfn2Xtb(ATOMS.numbers)
    found = hessian(xtb, ATOMS.positions)
    np.testing.assert_array_equal(found, found.T)
    # A molecule can be pushed about for nothing.
    shift = np.tile([1.0, 0, 0], len(ATOMS))
    assert np.abs(found @ shift).max() < 1e-2


def test_elements_beyond_gfn2_are_named_by_it():
    with pytest.raises(LowLevelError, match="gfn2-xtb"):
        Gfn2Xtb(np.array([95, 1]))(np.array([[0, 0, 0], [0, 0, 2.0]]))
