"""What computes energies and gradients: one interface, whatever the hardware."""

import importlib
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from ase.data import chemical_symbols

from ._arrays import Array, Gradient, Positions
from ._errors import DftError
from ._levels import SKALA, Level, check_basis

OnCycle = Callable[[int, float], None]
"""Called with the number of the SCF cycle, counted over one evaluation, and its energy, eV.

An exception that it raises ends the evaluation.
"""

Device = Literal["auto", "cpu", "gpu"]
"""`auto` is the GPU where there is one and the molecule is large enough to gain from it."""

GPU_PAYS_OFF = 100
"""Number of basis functions above which GPU4PySCF is faster than PySCF."""

TOO_CLOSE = 0.1
"""Angstrom; no two nuclei are that near to each other."""


@dataclass(frozen=True)
class System:
    """What is computed.

    Attributes:
        atomic_numbers: one per atom.
        charge: total charge, e.
        multiplicity: 2S + 1.
    """

    atomic_numbers: tuple[int, ...]
    charge: int = 0
    multiplicity: int = 1

    @property
    def symbols(self) -> list[str]:
        """Of the elements, one per atom."""
        return [chemical_symbols[z] for z in self.atomic_numbers]


@dataclass(frozen=True)
class Accuracy:
    """How well the integrals over space and the SCF are converged.

    Attributes:
        grid_level: PySCF's, 0 to 9.
        conv_tol: change of the energy in the last SCF cycle, Hartree.
    """

    grid_level: int
    conv_tol: float


COARSE = Accuracy(grid_level=1, conv_tol=1e-6)
"""For geometries far from the minimum.

At B3LYP/6-31G(d) the SCF leaves 3e-5 Hartree/Bohr in the gradient (a tolerance of 1e-5 would leave
3e-4), the grid about ten times as much.
"""

FINE = Accuracy(grid_level=3, conv_tol=1e-7)
"""For energies and gradients that are reported.

Over seven molecules at B3LYP/6-31G(d), each at two geometries, the SCF leaves 1.2e-5 Hartree/Bohr
in the gradient at most, and 8e-10 Hartree in the energy.
"""


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Energy and gradient at one geometry.

    Attributes:
        energy: eV.
        gradient: (n, 3), eV/Angstrom.
        scf_cycles: how many it took, on all grids.
    """

    energy: float
    gradient: Gradient
    scf_cycles: int


class Backend(Protocol):
    """Computes one molecule at one level; remembers the density from call to call.

    Every method raises `DftError`: non-finite-positions, overlapping-atoms, scf-not-converged.
    """

    name: str
    """As results show it."""

    def evaluate(
        self, positions: Positions, accuracy: Accuracy, on_cycle: OnCycle | None = None
    ) -> Evaluation:
        """Energy and gradient at `positions`, (n, 3), Angstrom."""

    def energy(
        self, positions: Positions, accuracy: Accuracy, on_cycle: OnCycle | None = None
    ) -> float:
        """Energy, eV, without the cost of a gradient."""

    def frequencies(self, positions: Positions) -> Array:
        """Harmonic wavenumbers, cm^-1, rising, imaginary ones negative.

        Those of translations and rotations are left out.

        Raises:
            DftError: no-frequencies if the level has no second derivatives.
        """


def make_backend(
    system: System,
    level: Level,
    *,
    device: Device = "auto",
    memory_mb: int = 4000,
    has_gpu: Callable[[], bool] | None = None,
) -> Backend:
    """Checks the input and chooses what computes it.

    Args:
        system: molecule.
        level: level of theory.
        device: where to compute.
        memory_mb: what PySCF may use, MB; beyond it, integrals go to disk.
        has_gpu: whether GPU4PySCF can run here; looked up if not given.

    Raises:
        DftError: unknown-element, multiplicity-parity, basis-lacks-element, no-such-device,
            missing-package, missing-weights.
    """
    check_system(system)
    check_basis(level, system.atomic_numbers)
    has_gpu = has_gpu or gpu_available
    if level.xc == SKALA:
        from ._skala import SkalaBackend

        if device == "gpu":
            raise DftError("no-such-device", "skala is computed on the CPU only")
        return SkalaBackend(system, level, memory_mb)
    # PySCF is slow to import, and GPU4PySCF cannot be without a GPU.
    from ._pyscf import PySCFBackend, count_basis_functions

    if device == "gpu" and not has_gpu():
        raise DftError("no-such-device", "no GPU that GPU4PySCF can use")
    if device == "gpu" or (
        device == "auto" and has_gpu() and count_basis_functions(system, level) >= GPU_PAYS_OFF
    ):
        from ._gpu4pyscf import GPU4PySCFBackend

        return GPU4PySCFBackend(system, level, memory_mb)
    return PySCFBackend(system, level, memory_mb)


def gpu_available() -> bool:
    """Whether GPU4PySCF is installed and sees a GPU."""
    if any(importlib.util.find_spec(name) is None for name in ("gpu4pyscf", "cupy")):
        return False
    runtime = importlib.import_module("cupy").cuda.runtime
    try:
        return bool(runtime.getDeviceCount() > 0)
    except runtime.CUDARuntimeError:
        return False


def check_system(system: System) -> None:
    """Checks that elements, charge and multiplicity can be.

    Raises:
        DftError: unknown-element, multiplicity-parity.
    """
    for z in system.atomic_numbers:
        if not 0 < z < len(chemical_symbols):
            raise DftError("unknown-element", f"no element has the atomic number {z}")
    electrons, unpaired = sum(system.atomic_numbers) - system.charge, system.multiplicity - 1
    if electrons < 1:
        raise DftError("multiplicity-parity", f"charge {system.charge} leaves no electron")
    if not 0 <= unpaired <= electrons or (electrons - unpaired) % 2:
        reason = f"{electrons} electrons cannot have multiplicity {system.multiplicity}"
        raise DftError("multiplicity-parity", reason)


def check_positions(positions: Positions) -> None:
    """Checks a geometry, (n, 3), Angstrom.

    Raises:
        DftError: non-finite-positions, overlapping-atoms.
    """
    if not np.isfinite(positions).all():
        raise DftError("non-finite-positions", "a coordinate is infinite or not a number")
    distances = np.linalg.norm(positions[:, None] - positions, axis=-1)
    i, j = np.nonzero(np.triu(distances < TOO_CLOSE, k=1))
    if len(i):
        reason = f"atoms {i[0]} and {j[0]} are {distances[i[0], j[0]]:.3f} Angstrom apart"
        raise DftError("overlapping-atoms", reason)
