"""The correction, in coordinates that are linear, where its derivatives are exact."""

import numpy as np
import pytest

from relaxd.dft_bridge import Point, _correction
from relaxd.dft_bridge._correction import Correction

N_ATOMS, N_COORDINATES = 2, 9
RNG = np.random.default_rng(0)
MATRIX = RNG.normal(size=(N_COORDINATES, 3 * N_ATOMS))
CURVATURE = MATRIX.T @ np.diag(RNG.normal(size=N_COORDINATES)) @ MATRIX * 0.05
SLOPE = RNG.normal(size=3 * N_ATOMS) * 0.3


class LinearInternals:
    def difference(self, positions, reference):
        return MATRIX @ (positions - reference).ravel()

    def wilson_b(self, positions):
        return MATRIX


def surface(positions):
    """A quadratic one."""
    x = positions.ravel()
    gradient = SLOPE + CURVATURE @ x
    return float(x @ (SLOPE + gradient)) / 2, gradient.reshape(-1, 3)


def somewhere(seed, size=0.05):
    return np.random.default_rng(seed).normal(size=(N_ATOMS, 3)) * size


def difference(positions, coarse=False, shift=0.0, tilt=0.0):
    energy, gradient = surface(positions)
    return Point(positions, energy + shift, gradient + tilt, coarse)


def correction(*known):
    return Correction(LinearInternals(), np.ones(N_COORDINATES), known)


def test_it_goes_through_the_points_it_knows():
    points = [somewhere(seed) for seed in range(3)]
    found = correction(*map(difference, points))
    first = found(points[0])[0] - surface(points[0])[0]
    for x in points:
        energy, gradient = found(x)
        assert energy - surface(x)[0] == pytest.approx(first, abs=2e-4)
        np.testing.assert_allclose(gradient, surface(x)[1], atol=2e-3)


def test_many_points_tell_it_the_curvature():
    """One for each direction, and the origin."""
    steps = 0.05 * np.eye(3 * N_ATOMS).reshape(-1, N_ATOMS, 3)
    found = correction(*map(difference, [np.zeros((N_ATOMS, 3)), *steps]))
    np.testing.assert_allclose(found.hessian(somewhere(9, 0.02)), CURVATURE, atol=0.05)
    assert np.abs(CURVATURE).max() > 0.2


def test_gradient_and_hessian_are_derivatives_of_its_energy():
    found, x = correction(difference(somewhere(1)), difference(somewhere(2))), somewhere(3, 0.3)
    steps = 1e-4 * np.eye(x.size).reshape(-1, N_ATOMS, 3)
    pairs = [(found(x + step), found(x - step)) for step in steps]
    slope = [(up[0] - down[0]) / 2e-4 for up, down in pairs]
    np.testing.assert_allclose(found(x)[1].ravel(), slope, atol=1e-6)
    curvature = [(up[1] - down[1]).ravel() / 2e-4 for up, down in pairs]
    np.testing.assert_allclose(found.hessian(x), curvature, atol=1e-5)


def test_far_from_all_points_it_is_flat():
    far = np.full((N_ATOMS, 3), 50.0)
    assert np.abs(correction(difference(somewhere(1)))(far)[1]).max() < 1e-12


def test_a_coarse_point_counts_for_less():
    """Two that contradict each other: the fine one is believed."""
    x = somewhere(1)
    found = correction(difference(x), difference(x, coarse=True, tilt=0.2))
    np.testing.assert_allclose(found(x)[1], surface(x)[1], atol=0.01)


def test_a_constant_is_learnt_apart_for_each_grid():
    x, y, z = (somewhere(seed) for seed in (1, 2, 3))
    found, other = (
        correction(difference(x), difference(y, coarse=True, shift=shift)) for shift in (0.0, 0.3)
    )
    np.testing.assert_allclose(found(z)[1], other(z)[1], atol=0.01)


def test_only_so_many_points_are_kept(monkeypatch):
    monkeypatch.setattr(_correction, "MOST_DATA", 3 * (1 + 3 * N_ATOMS))
    points = [somewhere(seed) for seed in range(5)]
    kept, last = correction(*map(difference, points)), correction(*map(difference, points[-3:]))
    np.testing.assert_allclose(kept(points[0])[1], last(points[0])[1], atol=1e-5)
