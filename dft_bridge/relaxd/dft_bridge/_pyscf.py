"""DFT by PySCF, on the CPU."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from pyscf import df, dft, gto
from pyscf.hessian import thermo

from ._arrays import Array, Positions
from ._backend import COARSE, Accuracy, Evaluation, OnCycle, System, check_positions
from ._errors import DftError
from ._levels import Level, core_potentials
from ._scf import LADDER, Carried, CycleCounter, Rung, converge
from ._solvents import dielectric_constant
from ._units import HARTREE, HARTREE_PER_BOHR

FIRST = Accuracy(COARSE.grid_level, 1e-8)
"""Before a finer grid comes. So tight that one cycle on the finer grid, which takes three times as
long, is enough: 7.4 coarse and 1.0 fine cycles in the mean, against 6.8 fine ones without."""

FOR_FREQUENCIES = Accuracy(3, 1e-9)
"""Second derivatives ask more of the orbitals than first ones do."""


class PySCFBackend:
    """Kohn-Sham DFT with density fitting, restricted for singlets and unrestricted otherwise.

    In implicit solvent (IEF-PCM) a gradient takes three times as long as in the gas phase.

    Args:
        system: molecule.
        level: level of theory.
        memory_mb: what PySCF may use, MB.
        ladder: what to try until the SCF converges.
    """

    name = "pyscf"

    def __init__(
        self,
        system: System,
        level: Level,
        memory_mb: int = 4000,
        *,
        ladder: Sequence[Rung] = LADDER,
    ) -> None:
        self._system, self._level, self._memory_mb = system, level, memory_mb
        self._ladder = ladder
        self._carried: Carried | None = None

    def evaluate(
        self, positions: Positions, accuracy: Accuracy, on_cycle: OnCycle | None = None
    ) -> Evaluation:
        """Energy and gradient at `positions`, (n, 3), Angstrom."""
        cycles = CycleCounter(on_cycle)
        scf = self._converged(positions, accuracy, cycles)
        gradient = _numpy(scf.nuc_grad_method().kernel()) * HARTREE_PER_BOHR
        return Evaluation(float(scf.e_tot) * HARTREE, gradient, cycles.count)

    def energy(
        self, positions: Positions, accuracy: Accuracy, on_cycle: OnCycle | None = None
    ) -> float:
        """Energy, eV, without the cost of a gradient."""
        scf = self._converged(positions, accuracy, CycleCounter(on_cycle))
        return float(scf.e_tot) * HARTREE

    def frequencies(self, positions: Positions) -> Array:
        """Harmonic wavenumbers, cm^-1, rising, imaginary ones negative."""
        if len(self._system.atomic_numbers) == 1:
            return np.zeros(0)
        scf = self._converged(positions, FOR_FREQUENCIES, CycleCounter())
        try:
            hessian = _numpy(scf.Hessian().kernel())
        except NotImplementedError as error:
            reason = f"PySCF has no second derivatives for {self._level}"
            raise DftError("no-frequencies", reason) from error
        mass = scf.mol.atom_mass_list(isotope_avg=False)
        modes = thermo.harmonic_analysis(scf.mol, hessian, imaginary_freq=False, mass=mass)
        return np.sort(modes["freq_wavenumber"])

    def _converged(self, positions: Positions, accuracy: Accuracy, cycles: CycleCounter) -> Any:
        """A mean field at its minimum."""
        check_positions(positions)
        molecule = make_molecule(self._system, self._level, positions, self._memory_mb)
        scf = self._kohn_sham(molecule)
        scf.callback = cycles
        _close_checkpoint(scf)
        # The extra cycle without DIIS takes orbitals further from convergence than it finds them.
        scf.conv_check = False
        overlap = molecule.intor_symmetric("int1e_ovlp")
        guess = None if self._carried is None else self._carried.density(overlap)
        first = [FIRST] if accuracy.grid_level > FIRST.grid_level else []
        # One object for all grids: the integrals of the density fitting are the same.
        for stage in (*first, accuracy):
            scf.grids.reset()
            scf.grids.level, scf.conv_tol = stage.grid_level, stage.conv_tol
            converge(scf, guess, self._ladder, self._what())
            guess = scf.make_rdm1()
        self._carried = Carried.of(_numpy(scf.mo_coeff), _numpy(scf.mo_occ), overlap)
        return scf

    def _kohn_sham(self, molecule: Any) -> Any:
        """A mean field that nothing has been computed for."""
        return self._completed(dft.RKS if molecule.spin == 0 else dft.UKS, molecule)

    def _completed(self, kind: Any, molecule: Any) -> Any:
        """With density fitting, dispersion and solvent."""
        xc, nlc, dispersion = self._level.functional
        # Named, since GPU4PySCF chooses another one by itself.
        auxiliary = df.addons.predefined_auxbasis(molecule, molecule.basis, xc)
        scf = kind(molecule, xc=xc).density_fit(auxbasis=auxiliary)
        scf.nlc, scf.disp = nlc, dispersion
        if self._level.solvent is not None:
            scf = scf.PCM()
            scf.with_solvent.method = "IEF-PCM"
            scf.with_solvent.eps = dielectric_constant(self._level.solvent)
        return scf

    def _what(self) -> str:
        return f"{''.join(self._system.symbols)} at {self._level}"


def make_molecule(system: System, level: Level, positions: Positions, memory_mb: int) -> Any:
    """PySCF's molecule."""
    return gto.M(
        atom=list(zip(system.symbols, positions.tolist(), strict=True)),
        unit="Angstrom",
        basis=level.basis,
        ecp=core_potentials(level.basis, system.symbols),
        charge=system.charge,
        spin=system.multiplicity - 1,
        max_memory=memory_mb,
        verbose=0,
    )


def _close_checkpoint(scf: Any) -> None:
    """PySCF opens a file for every mean field, and leaves it to the garbage collector."""
    scf.chkfile = None
    # GPU4PySCF opens none.
    if hasattr(scf, "_chkfile"):
        scf._chkfile.close()


def count_basis_functions(system: System, level: Level) -> int:
    """How many a molecule has, whatever its geometry."""
    spread = np.arange(len(system.atomic_numbers))[:, None] * np.array([2.0, 0.0, 0.0])
    return int(make_molecule(system, level, spread, memory_mb=100).nao)


def _numpy(array: Any) -> Array:
    """From the memory of the GPU, where it is there."""
    return np.asarray(array.get() if hasattr(array, "get") else array)
