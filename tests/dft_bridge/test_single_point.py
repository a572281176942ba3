"""Energies against published values, and the names of levels."""

import ase
import numpy as np
import pytest
from ase.build import molecule

from relaxd.dft_bridge import TRAINING_LEVEL, Level, LevelError, single_point


def test_level_round_trip():
    assert Level.parse("B3LYP/6-31G(2df,p)") == TRAINING_LEVEL
    assert str(TRAINING_LEVEL) == "b3lyp/6-31g(2df,p)"


@pytest.mark.parametrize("name", ["b3lyp", "nonsense/sto-3g", "b3lyp/nonsense"])
def test_unknown_levels_are_named(name):
    with pytest.raises(LevelError, match=name.split("/")[0]):
        Level.parse(name)


def test_the_minimum_of_water_is_where_qm9_has_it():
    """QM9 record 3; the energy is offset, since Gaussian's d functions are Cartesian."""
    positions = np.array(
        [
            [-0.0343604951, 0.9775395708, 0.0076015923],
            [0.0647664923, 0.0205721989, 0.0015346341],
            [0.8717903737, 1.3007924048, 0.0006931336],
        ]
    )
    scales = np.array([0.98, 1.0, 1.02])
    energies = [single_point(ase.Atoms("OHH", positions * scale)) for scale in scales]
    curvature, slope, _ = np.polyfit(scales, energies, 2)
    assert curvature > 0
    assert -slope / (2 * curvature) == pytest.approx(1, abs=0.002)


def test_open_shells_are_unrestricted():
    """The splitting of methylene: the triplet lies below the singlet."""
    level = Level.parse("pbe/sto-3g")
    singlet = single_point(molecule("CH2_s1A1d"), level)
    triplet = single_point(molecule("CH2_s3B1d"), level, multiplicity=3)
    assert triplet < singlet
