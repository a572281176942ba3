"""The choice of a backend, and what each one does."""

import numpy as np
import pytest
from tests.dft_bridge.contract import LEVEL, SYSTEM, BackendContract

from relaxd.dft_bridge import DftError, Level, System
from relaxd.dft_bridge._backend import (
    COARSE,
    GPU_PAYS_OFF,
    check_positions,
    gpu_available,
    make_backend,
)
from relaxd.dft_bridge._pyscf import PySCFBackend, count_basis_functions


class TestPySCF(BackendContract):
    def new(self, system=SYSTEM, level=LEVEL):
        return make_backend(system, level, device="cpu")


@pytest.mark.gpu
@pytest.mark.skipif(not gpu_available(), reason="no GPU")
class TestGPU4PySCF(BackendContract):
    def new(self, system=SYSTEM, level=LEVEL):
        return make_backend(system, level, device="gpu")

    def test_it_agrees_with_the_cpu(self):
        positions = np.array([[0.0, 0.0, 0.1], [0.0, 0.8, -0.5], [0.0, -0.8, -0.5]])
        expected = make_backend(SYSTEM, LEVEL, device="cpu").evaluate(positions, COARSE)
        found = self.new().evaluate(positions, COARSE)
        assert found.energy == pytest.approx(expected.energy, abs=1e-4)
        np.testing.assert_allclose(found.gradient, expected.gradient, atol=2e-3)


@pytest.mark.skipif(gpu_available(), reason="there is one")
def test_without_a_gpu_the_cpu_is_used():
    assert make_backend(SYSTEM, LEVEL).name == "pyscf"
    with pytest.raises(DftError) as caught:
        make_backend(SYSTEM, LEVEL, device="gpu")
    assert caught.value.code == "no-such-device"


@pytest.mark.parametrize(
    ("n_carbon", "device", "expected"),
    [(8, "auto", "gpu4pyscf"), (1, "auto", "pyscf"), (1, "gpu", "gpu4pyscf"), (8, "cpu", "pyscf")],
)
def test_a_gpu_is_for_large_molecules(n_carbon, device, expected):
    system = System((6,) * n_carbon)
    level = Level("b3lyp", "6-31g(2df,p)")
    assert (count_basis_functions(system, level) >= GPU_PAYS_OFF) == (n_carbon == 8)
    assert make_backend(system, level, device=device, has_gpu=lambda: True).name == expected


@pytest.mark.parametrize(
    ("system", "code", "reason"),
    [
        (System((0, 1)), "unknown-element", "atomic number 0"),
        (System((119,)), "unknown-element", "119"),
        (System((8, 1, 1), 0, 2), "multiplicity-parity", "10 electrons"),
        (System((8, 1, 1), 1, 1), "multiplicity-parity", "9 electrons"),
        (System((1,), 0, 4), "multiplicity-parity", "multiplicity 4"),
        (System((8, 1, 1), 0, -1), "multiplicity-parity", "multiplicity -1"),
        (System((1,), 1, 1), "multiplicity-parity", "no electron"),
        (System((53, 1)), "basis-lacks-element", "6-31g has no functions for I"),
    ],
    ids=str,
)
def test_what_cannot_be_is_refused(system, code, reason):
    with pytest.raises(DftError, match=reason) as caught:
        make_backend(system, LEVEL)
    assert caught.value.code == code


def test_a_single_atom_cannot_overlap():
    check_positions(np.zeros((1, 3)))


def test_core_potentials_are_used():
    """All electrons of iodine would be 53 Hartree deep times a hundred more."""
    backend = PySCFBackend(System((53, 1)), Level("pbe", "def2-svp"))
    energy = backend.energy(np.array([[0.0, 0.0, 0.0], [0.0, 0.0, 1.61]]), COARSE)
    assert energy / 27.2114 == pytest.approx(-298.2, abs=1)
