"""Energies of single geometries."""

from typing import Any

import ase
import numpy as np
import pytest
from ase.build import molecule
from pyscf import gto

from relaxd.dft_bridge import DftError, Level, SinglePoints, single_point
from relaxd.dft_bridge._pyscf import PySCFBackend
from relaxd.dft_bridge._units import HARTREE


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


def test_an_energy_is_what_plain_pyscf_finds():
    atoms = molecule("H2CO")
    scf = gto.M(
        atom=list(zip(atoms.symbols, atoms.positions, strict=True)), basis="6-31g(2df,p)", verbose=0
    ).RKS(xc="b3lyp")
    scf.chkfile = None
    expected = scf.density_fit().kernel() * HARTREE
    assert single_point(atoms) == pytest.approx(expected, abs=1e-6 * HARTREE)


def test_energies_do_not_depend_on_what_was_computed_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The density is carried from geometry to geometry, and to no other molecule."""
    cycles: list[int] = []
    converged = PySCFBackend._converged

    def counted(self: Any, positions: Any, accuracy: Any, counter: Any) -> Any:
        scf = converged(self, positions, accuracy, counter)
        cycles.append(counter.count)
        return scf

    monkeypatch.setattr(PySCFBackend, "_converged", counted)
    formaldehyde, water = molecule("H2CO"), molecule("H2O")
    stretched = formaldehyde.copy()
    stretched.positions *= 1.01
    in_turn = SinglePoints()
    for atoms in (formaldehyde, stretched, water, formaldehyde):
        assert in_turn(atoms) == pytest.approx(single_point(atoms), abs=1e-7 * HARTREE)
    carried, alone = cycles[0::2], cycles[1::2]
    assert carried[1] < alone[1]
    assert carried[2:] == alone[2:]


def test_an_impossible_multiplicity_is_refused():
    with pytest.raises(DftError, match="multiplicity 2"):
        single_point(molecule("H2O"), multiplicity=2)
