"""What every molecule must satisfy, whatever it was read from."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from ase.data import chemical_symbols

from ._errors import MoleculeError

MAX_ATOMIC_NUMBER = 86
"""Radon, the last element GFN2-xTB has parameters for (doi 10.1021/acs.jctc.8b01176)."""

MAX_ATOMS = 1000
"""Atoms of the largest molecule that is read."""

MIN_DISTANCE = 0.4
"""Angstrom; the shortest bond there is, in H2, measures 0.74."""

MAX_COORDINATE = 1e6
"""Angstrom; so far from the origin, double precision still resolves 1e-9 Angstrom."""

MAIN_GROUP_METALS = frozenset(
    {3, 4, 11, 12, 13, 19, 20, 31, 37, 38, 49, 50, 55, 56, 81, 82, 83, 84}
)
"""Atomic numbers of the metals of the s and p block."""

TRANSITION_METALS = frozenset({*range(21, 31), *range(39, 49), *range(57, 81)})
"""Atomic numbers of the d and f block, lanthanum to mercury included."""


def check_shapes(atomic_numbers: npt.NDArray[np.int64], positions: npt.NDArray[np.float64]) -> None:
    """Asks for (n,) and (n, 3) with 1 <= n <= `MAX_ATOMS`.

    Raises:
        MoleculeError: length-mismatch, empty-molecule, missing-coordinates or too-many-atoms.
    """
    n = atomic_numbers.size
    if n == 0:
        raise MoleculeError("empty-molecule", "the molecule has no atoms")
    if positions.size == 0:
        raise MoleculeError("missing-coordinates", f"{n} atoms have no coordinates")
    if atomic_numbers.shape != (n,) or positions.shape != (n, 3):
        raise MoleculeError(
            "length-mismatch",
            f"atomic numbers of shape {atomic_numbers.shape} need positions of shape ({n}, 3), "
            f"not {positions.shape}",
        )
    check_size(n)


def check_size(n_atoms: int) -> None:
    """Asks for at most `MAX_ATOMS` atoms.

    Raises:
        MoleculeError: too-many-atoms.
    """
    if n_atoms > MAX_ATOMS:
        raise MoleculeError("too-many-atoms", f"{n_atoms} atoms are more than {MAX_ATOMS}")


def check_elements(atomic_numbers: npt.NDArray[np.int64]) -> None:
    """Asks for elements from hydrogen to `MAX_ATOMIC_NUMBER`.

    Raises:
        MoleculeError: unknown-element.
    """
    wrong = np.flatnonzero((atomic_numbers < 1) | (atomic_numbers > MAX_ATOMIC_NUMBER))
    if wrong.size:
        raise MoleculeError(
            "unknown-element",
            f"atom {wrong[0]} has atomic number {atomic_numbers[wrong[0]]}; "
            f"elements 1 to {MAX_ATOMIC_NUMBER} are known",
        )


def check_positions(
    atomic_numbers: npt.NDArray[np.int64], positions: npt.NDArray[np.float64]
) -> None:
    """Asks for finite positions (n, 3), in Angstrom, with no two atoms in one place.

    Raises:
        MoleculeError: non-finite-positions, positions-out-of-range, missing-coordinates or
            overlapping-atoms.
    """
    n = len(positions)
    wrong = np.flatnonzero(~np.isfinite(positions).all(axis=1))
    if wrong.size:
        raise MoleculeError("non-finite-positions", f"atom {wrong[0]} is at {positions[wrong[0]]}")
    if np.abs(positions).max() > MAX_COORDINATE:
        raise MoleculeError(
            "positions-out-of-range", f"an atom is more than {MAX_COORDINATE:g} A from the origin"
        )
    if n > 1 and not positions.any():
        raise MoleculeError("missing-coordinates", "every atom is at the origin")
    distances = np.linalg.norm(positions[:, None] - positions[None, :], axis=-1)
    distances[np.tril_indices(n)] = np.inf
    i, j = divmod(int(distances.argmin()), n)
    if distances[i, j] < MIN_DISTANCE:
        a, b = (chemical_symbols[atomic_numbers[k]] + str(k) for k in (i, j))
        raise MoleculeError("overlapping-atoms", f"{a} and {b} are {distances[i, j]:.2f} A apart")


def check_electrons(atomic_numbers: npt.NDArray[np.int64], charge: int, multiplicity: int) -> None:
    """Asks that the electrons left by `charge` can have `multiplicity`.

    Raises:
        MoleculeError: charge-mismatch or multiplicity-parity.
    """
    electrons = int(atomic_numbers.sum()) - charge
    if electrons < 1:
        raise MoleculeError("charge-mismatch", f"charge {charge:+d} leaves no electron")
    unpaired = multiplicity - 1
    if not 0 <= unpaired <= electrons or (electrons - unpaired) % 2:
        raise MoleculeError(
            "multiplicity-parity",
            f"{electrons} electrons (charge {charge:+d}) cannot have multiplicity {multiplicity}",
        )


def lowest_multiplicity(atomic_numbers: npt.NDArray[np.int64], charge: int) -> int:
    """1 for an even number of electrons, 2 for an odd one."""
    return 1 + (int(atomic_numbers.sum()) - charge) % 2


def checked_frozen(frozen: Sequence[int], n_atoms: int) -> tuple[int, ...]:
    """The frozen atoms, each once and in order.

    Raises:
        MoleculeError: frozen-out-of-range.
    """
    for i in frozen:
        if not 0 <= i < n_atoms:
            raise MoleculeError(
                "frozen-out-of-range", f"frozen atom {i} is not one of the {n_atoms} atoms"
            )
    return tuple(sorted({int(i) for i in frozen}))
