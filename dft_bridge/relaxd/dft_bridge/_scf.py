"""Self-consistent fields that are hard to converge, and densities carried between geometries."""

import warnings
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from pyscf import lib

from ._arrays import Array
from ._backend import OnCycle
from ._errors import DftError
from ._units import HARTREE


@dataclass(frozen=True)
class Rung:
    """One way of converging an SCF.

    Attributes:
        name: for the message when all have failed.
        guess: PySCF's initial guess; None is the density at hand, if there is one.
        max_cycle: when to give up.
        level_shift: of the virtual orbitals, Hartree.
        damp: fraction of the former Fock matrix that is kept before DIIS starts.
        diis_start_cycle: when that is.
        second_order: whether to go by the orbital Hessian instead.
    """

    name: str
    guess: str | None
    max_cycle: int
    level_shift: float = 0.0
    damp: float = 0.0
    diis_start_cycle: int = 1
    second_order: bool = False


LADDER = (
    Rung("DIIS", None, 50),
    Rung("level shift and damping", "atom", 100, 0.3, 0.5, 8),
    Rung("second-order solver", "huckel", 50, second_order=True),
)
"""From the quick to the sure."""


@dataclass
class CycleCounter:
    """What PySCF calls after every cycle; counts on over several SCFs."""

    on_cycle: OnCycle | None = None
    count: int = 0
    _last: int = field(default=-1, init=False)

    def __call__(self, envs: dict[str, Any]) -> None:
        """Takes the local variables of PySCF's loop."""
        # The second-order solver reports its last cycle twice.
        macro = envs.get("imacro", -1)
        if macro >= 0 and macro == self._last:
            return
        self._last = macro
        self.count += 1
        if self.on_cycle is not None:
            self.on_cycle(self.count, float(envs["e_tot"]) * HARTREE)


def converge(scf: Any, guess: Any, ladder: Sequence[Rung], what: str) -> None:
    """Converges a mean field, which holds the orbitals and the energy afterwards.

    Args:
        scf: PySCF's or GPU4PySCF's mean field.
        guess: density matrix to start from; None for PySCF's default.
        ladder: what to try, in order.
        what: molecule and level, for the error.

    Raises:
        DftError: scf-not-converged.
    """
    for rung in ladder:
        # A density that has blown up is for the next rung to replace.
        with suppress(np.linalg.LinAlgError):
            if _climb(scf, guess, rung):
                return
    tried = ", ".join(f"{rung.name} ({rung.max_cycle} cycles)" for rung in ladder)
    raise DftError("scf-not-converged", f"{what}: no SCF convergence by {tried}")


def _climb(scf: Any, guess: Any, rung: Rung) -> bool:
    start = guess if rung.guess is None else _fresh_guess(scf, rung.guess)
    if rung.second_order:
        return _second_order(scf, start, rung)
    if rung.level_shift == 0.0:
        with lib.temporary_env(scf, max_cycle=rung.max_cycle):
            scf.kernel(dm0=start)
        return bool(scf.converged)
    settings = {
        "level_shift": rung.level_shift,
        "damp": rung.damp,
        "diis_start_cycle": rung.diis_start_cycle,
        # The extra cycle takes the level shift out of the orbital energies.
        "conv_check": True,
    }
    with lib.temporary_env(scf, max_cycle=rung.max_cycle, **settings):
        scf.kernel(dm0=start)
    return bool(scf.converged)


def _fresh_guess(scf: Any, key: str) -> Any:
    with warnings.catch_warnings():
        # PySCF calls a function of its own that it has deprecated.
        warnings.simplefilter("ignore", DeprecationWarning)
        return scf.get_init_guess(key=key)


def _second_order(scf: Any, start: Any, rung: Rung) -> bool:
    solver = scf.newton()
    solver.max_cycle = rung.max_cycle
    # GPU4PySCF would take these rather than the guess.
    solver.mo_coeff = solver.mo_occ = None
    solver.kernel(dm0=start)
    for name in ("mo_coeff", "mo_occ", "mo_energy", "e_tot", "converged"):
        setattr(scf, name, getattr(solver, name))
    return bool(solver.converged)


@dataclass(frozen=True, eq=False)
class Carried:
    """Occupied orbitals in the orthonormalised basis of the geometry they were converged at.

    At another geometry they become C' = S'^(-1/2) S^(1/2) C (Löwdin, doi 10.1063/1.1747632):
    orthonormal there, so the density holds the right number of electrons, and its exchange is that
    of as many orbitals, which is cheaper than of a matrix. Ethanol at B3LYP/6-31G(d) on the coarse
    grid takes 7.0 cycles from PySCF's guess; carried over 0.005, 0.02 and 0.1 Angstrom it takes
    3.7, 4.0 and 5.7. The density matrix itself, kept as it is, takes 4.0, 4.7 and 5.7.

    Attributes:
        orbitals: for each spin, (number of basis functions, number occupied).
        occupation: electrons in each orbital, 2 if restricted.
    """

    orbitals: tuple[Array, ...]
    occupation: int

    @classmethod
    def of(cls, coefficients: Array, occupations: Array, overlap: Array) -> "Carried":
        """From a converged mean field.

        Args:
            coefficients: `mo_coeff`, with a leading axis for the spin if unrestricted.
            occupations: `mo_occ`, likewise.
            overlap: of the basis functions.
        """
        root = _power(overlap, 0.5)
        restricted = coefficients.ndim == 2
        spins = (
            [(coefficients, occupations)]
            if restricted
            else zip(coefficients, occupations, strict=True)
        )
        return cls(tuple(root @ c[:, n > 0] for c, n in spins), 2 if restricted else 1)

    def density(self, overlap: Array) -> Array:
        """Density matrix at a geometry with another overlap matrix, tagged with its orbitals."""
        inverse_root = _power(overlap, -0.5)
        # Both spins as one array, for PySCF; the orbitals that fill it up are not occupied.
        width = max(c.shape[1] for c in self.orbitals)
        filled = [
            np.pad(inverse_root @ c, ((0, 0), (0, width - c.shape[1]))) for c in self.orbitals
        ]
        occupied = [np.arange(width) < c.shape[1] for c in self.orbitals]
        orbitals, numbers = np.array(filled), self.occupation * np.array(occupied, dtype=float)
        density = np.einsum("spi,si,sqi->spq", orbitals, numbers, orbitals, optimize=True)
        if self.occupation == 2:
            orbitals, numbers, density = orbitals[0], numbers[0], density[0]
        tagged: Array = lib.tag_array(density, mo_coeff=orbitals, mo_occ=numbers)
        return tagged


def _power(overlap: Array, exponent: float) -> Array:
    values, vectors = np.linalg.eigh(overlap)
    # Diffuse functions on neighbours may be linearly dependent to the last digit.
    scaled: Array = vectors * np.maximum(values, 1e-10) ** exponent
    return np.asarray(scaled @ vectors.T)
