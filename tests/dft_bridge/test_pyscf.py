"""What PySCF is made to do: converge, dissolve, vibrate, and leave nothing behind."""

from dataclasses import replace

import numpy as np
import pytest
from ase.build import molecule
from pyscf import lib
from tests.dft_bridge.contract import LEVEL, SYSTEM, WATER

from relaxd.dft_bridge import TRAINING_LEVEL, DftError, Level, System
from relaxd.dft_bridge._backend import COARSE, FINE, Accuracy
from relaxd.dft_bridge._pyscf import PySCFBackend
from relaxd.dft_bridge._scf import LADDER

MINIMAL = Level("pbe", "sto-3g")


@pytest.mark.parametrize("rung", range(3))
@pytest.mark.parametrize("system", [SYSTEM, System((8, 1, 1), 1, 2)], ids=str)
def test_every_rung_of_the_ladder_reaches_the_minimum(rung, system):
    ladder = [replace(r, max_cycle=1) if i < rung else r for i, r in enumerate(LADDER)]
    seen = []
    energy = PySCFBackend(system, LEVEL, ladder=ladder).energy(
        WATER, Accuracy(1, 1e-9), lambda *cycle: seen.append(cycle)
    )
    expected = PySCFBackend(system, LEVEL).energy(WATER, Accuracy(1, 1e-9))
    assert energy == pytest.approx(expected, abs=1e-6)
    assert [number for number, _ in seen] == list(range(1, len(seen) + 1))
    assert len(seen) > rung


def test_a_gradient_after_the_second_order_solver():
    ladder = [LADDER[2]]
    found = PySCFBackend(SYSTEM, LEVEL, ladder=ladder).evaluate(WATER, FINE)
    expected = PySCFBackend(SYSTEM, LEVEL).evaluate(WATER, FINE)
    np.testing.assert_allclose(found.gradient, expected.gradient, atol=2e-3)


def test_an_exception_in_the_callback_ends_the_second_order_solver():
    def stop(*_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        PySCFBackend(SYSTEM, LEVEL, ladder=[LADDER[2]]).energy(WATER, COARSE, stop)


def test_a_case_too_hard_for_diis_is_converged():
    """Singlet oxygen pulled apart, restricted."""
    stretched = np.array([[0.0, 0.0, 0.0], [0.0, 0.0, 2.8]])
    with pytest.raises(DftError):
        PySCFBackend(System((8, 8)), MINIMAL, ladder=LADDER[:1]).energy(stretched, COARSE)
    assert np.isfinite(PySCFBackend(System((8, 8)), MINIMAL).energy(stretched, COARSE))


def test_what_never_converges_says_what_was_tried():
    ladder = [replace(rung, max_cycle=1) for rung in LADDER]
    with pytest.raises(DftError) as caught:
        PySCFBackend(SYSTEM, MINIMAL, ladder=ladder).energy(WATER, COARSE)
    assert caught.value.code == "scf-not-converged"
    assert caught.value.category == "convergence"
    for word in ("OHH", "pbe/sto-3g", *(rung.name for rung in LADDER)):
        assert word in str(caught.value)


def test_a_failure_leaves_the_density_that_was_carried():
    backend = PySCFBackend(SYSTEM, MINIMAL)
    expected = backend.energy(WATER, COARSE)
    with pytest.raises(ZeroDivisionError):
        backend.energy(WATER * 1.1, COARSE, lambda *_: 1 / 0)
    cycles = []
    found = backend.energy(WATER, COARSE, lambda *cycle: cycles.append(cycle))
    assert found == pytest.approx(expected, abs=1e-5)
    assert len(cycles) < 5


def test_the_fine_grid_takes_few_cycles():
    """Most are done on the coarse one."""
    cycles = [
        PySCFBackend(SYSTEM, LEVEL).evaluate(WATER, accuracy).scf_cycles
        for accuracy in (Accuracy(COARSE.grid_level, 1e-8), FINE)
    ]
    assert cycles[1] <= cycles[0] + 2


def test_a_solvent_binds_a_polar_molecule():
    """About 0.3 eV for water (J. Phys. Chem. B 113, 6378 (2009), electrostatic part)."""
    gas = PySCFBackend(SYSTEM, LEVEL).energy(WATER, COARSE)
    wet = PySCFBackend(SYSTEM, replace(LEVEL, solvent="water")).energy(WATER, COARSE)
    oily = PySCFBackend(SYSTEM, replace(LEVEL, solvent="n-hexane")).energy(WATER, COARSE)
    assert -0.6 < wet - gas < -0.2
    assert wet < oily < gas


def test_dispersion_binds_methane_to_methane():
    methane = molecule("CH4")
    pair = np.concatenate([methane.positions, methane.positions + np.array([0.0, 0.0, 4.0])])
    system = System((*methane.numbers.tolist(),) * 2)
    plain = PySCFBackend(system, MINIMAL).energy(pair, COARSE)
    for version in ("d3bj", "d4"):
        level = replace(MINIMAL, dispersion=version)
        assert -0.4 < PySCFBackend(system, level).energy(pair, COARSE) - plain < -0.03


def test_the_frequencies_of_water_are_those_of_qm9():
    """Record 3; its basis has Cartesian d functions, which moves them a little."""
    positions = np.array(
        [
            [-0.0343604951, 0.9775395708, 0.0076015923],
            [0.0647664923, 0.0205721989, 0.0015346341],
            [0.8717903737, 1.3007924048, 0.0006931336],
        ]
    )
    frequencies = PySCFBackend(SYSTEM, TRAINING_LEVEL).frequencies(positions)
    assert frequencies == pytest.approx([1671.4, 3803.6, 3907.7], rel=0.01)


def test_planar_ammonia_is_a_saddle_point():
    angles = np.arange(3) * 2 * np.pi / 3
    hydrogens = np.stack([np.cos(angles), np.sin(angles), 0 * angles], axis=1)
    positions = np.concatenate([np.zeros((1, 3)), hydrogens])
    frequencies = PySCFBackend(System((7, 1, 1, 1)), MINIMAL).frequencies(positions)
    assert len(frequencies) == 6
    assert (frequencies < -100).sum() == 1
    assert (frequencies > 100).sum() == 5


def test_atoms_and_linear_molecules_have_their_number_of_frequencies():
    assert len(PySCFBackend(System((2,)), MINIMAL).frequencies(np.zeros((1, 3)))) == 0
    hydrogen = np.array([[0.0, 0.0, 0.0], [0.0, 0.0, 0.74]])
    assert len(PySCFBackend(System((1, 1)), MINIMAL).frequencies(hydrogen)) == 1


def test_a_level_without_second_derivatives_is_named():
    class Firstborn(PySCFBackend):
        def _kohn_sham(self, molecule):
            scf = super()._kohn_sham(molecule)
            scf.Hessian = self._refuse
            return scf

        def _refuse(self):
            raise NotImplementedError

    with pytest.raises(DftError, match="pbe/sto-3g") as caught:
        Firstborn(SYSTEM, MINIMAL).frequencies(WATER)
    assert caught.value.code == "no-frequencies"


def test_nothing_is_printed_or_left_behind(tmp_path, monkeypatch, capfd):
    monkeypatch.setattr(lib.param, "TMPDIR", str(tmp_path))
    # So little memory that the integrals go to disk.
    backend = PySCFBackend(SYSTEM, LEVEL, memory_mb=1)
    backend.evaluate(WATER, FINE)
    backend.frequencies(WATER)
    assert capfd.readouterr() == ("", "")
    assert not list(tmp_path.iterdir())
