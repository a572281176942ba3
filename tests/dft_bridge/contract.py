"""What every backend does, as tests to inherit."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from relaxd.dft_bridge import DftError, Level, System
from relaxd.dft_bridge._backend import COARSE, FINE, Accuracy
from relaxd.dft_bridge._units import HARTREE, HARTREE_PER_BOHR

TIGHT = Accuracy(FINE.grid_level, 1e-11)

WATER = np.array([[0.0, 0.0, 0.12], [0.02, 0.78, -0.45], [0.0, -0.74, -0.49]])
"""Angstrom; not a minimum, and without symmetry."""

SYSTEM = System((8, 1, 1))
LEVEL = Level("b3lyp", "6-31g")


class BackendContract:
    """Inherit, and say by `new` how the backend is made."""

    def new(self, system=SYSTEM, level=LEVEL):
        raise NotImplementedError

    @pytest.mark.parametrize(
        ("system", "level"),
        [
            (SYSTEM, LEVEL),
            (System((8, 1, 1), charge=1, multiplicity=2), LEVEL),
            (System((8, 1, 1), multiplicity=3), Level("pbe", "6-31g", "d3bj")),
            (SYSTEM, Level("pbe", "6-31g", "d4")),
            (SYSTEM, Level("wb97x", "6-31g", "d3bj")),
            (SYSTEM, Level("r2scan", "6-31g")),
            (SYSTEM, Level("pbe", "sto-3g", None, "water")),
            (System((8, 1, 1), 1, 2), Level("pbe", "sto-3g", "d3bj", "water")),
        ],
        ids=str,
    )
    def test_the_gradient_is_the_slope_of_the_energy(self, system, level):
        backend = self.new(system, level)
        gradient = backend.evaluate(WATER, FINE).gradient
        along = np.random.default_rng(0).normal(size=WATER.shape)
        step = 2e-3 * along / np.linalg.norm(along)
        difference = backend.energy(WATER + step, TIGHT) - backend.energy(WATER - step, TIGHT)
        error = (difference / 2 - (gradient * step).sum()) / np.linalg.norm(step)
        # The grid moves with the atoms, which PySCF leaves out of the gradient.
        assert abs(error) < 3e-5 * HARTREE_PER_BOHR

    def test_the_energy_is_that_of_the_evaluation(self):
        evaluation = self.new().evaluate(WATER, FINE)
        assert evaluation.gradient.shape == WATER.shape
        assert self.new().energy(WATER, FINE) == pytest.approx(evaluation.energy, abs=1e-6)

    @pytest.mark.parametrize("system", [SYSTEM, System((8, 1, 1), 1, 2)], ids=str)
    def test_a_carried_density_ends_where_a_fresh_one_does(self, system):
        carrying, moved = self.new(system), WATER + 0.002 * np.eye(3)
        carrying.evaluate(WATER, FINE)
        warm, fresh = carrying.evaluate(moved, FINE), self.new(system).evaluate(moved, FINE)
        assert warm.energy == pytest.approx(fresh.energy, abs=1e-7 * HARTREE)
        np.testing.assert_allclose(warm.gradient, fresh.gradient, atol=3e-5 * HARTREE_PER_BOHR)
        assert warm.scf_cycles < fresh.scf_cycles

    def test_coarse_is_close_to_fine(self):
        coarse, fine = self.new().evaluate(WATER, COARSE), self.new().evaluate(WATER, FINE)
        np.testing.assert_allclose(coarse.gradient, fine.gradient, atol=1e-3 * HARTREE_PER_BOHR)

    def test_where_the_molecule_is_does_not_matter(self):
        backend, rotation = self.new(), Rotation.random(rng=0).as_matrix()
        here = backend.evaluate(WATER, FINE)
        there = backend.evaluate(WATER @ rotation.T + 5.0, FINE)
        assert there.energy == pytest.approx(here.energy, abs=1e-5 * HARTREE)
        expected = here.gradient @ rotation.T
        np.testing.assert_allclose(there.gradient, expected, atol=1e-4 * HARTREE_PER_BOHR)

    def test_cycles_are_reported_as_they_happen(self):
        seen = []
        evaluation = self.new().evaluate(WATER, FINE, lambda *cycle: seen.append(cycle))
        assert [number for number, _ in seen] == list(range(1, evaluation.scf_cycles + 1))
        assert seen[-1][1] == pytest.approx(evaluation.energy, abs=1e-3)

    def test_an_exception_in_the_callback_ends_the_evaluation(self):
        class StopError(Exception):
            pass

        def stop(cycle, _):
            if cycle == 2:
                raise StopError

        backend = self.new()
        with pytest.raises(StopError):
            backend.evaluate(WATER, FINE, stop)
        expected = self.new().energy(WATER, FINE)
        assert backend.energy(WATER, FINE) == pytest.approx(expected, abs=1e-6)

    def test_impossible_geometries_are_refused(self):
        with pytest.raises(DftError) as caught:
            self.new().evaluate(np.where(WATER == 0.12, np.nan, WATER), COARSE)
        assert caught.value.code == "non-finite-positions"
        with pytest.raises(DftError, match="atoms 0 and 2 are") as caught:
            self.new().evaluate(WATER[[0, 1, 0]], COARSE)
        assert caught.value.code == "overlapping-atoms"

    def test_frequencies(self):
        frequencies = self.new().frequencies(WATER)
        assert frequencies.shape == (3,)
        assert (np.diff(frequencies) > 0).all()
