"""Levels of theory by name."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache

from ase.data import chemical_symbols

from ._errors import DftError
from ._functionals import Functional, check_functional, functional, unknown
from ._solvents import solvent_name

# PySCF takes most of a second to import: only those who name a level or compute wait for it.

SKALA = "skala-1.1"
"""The functional that is a neural network (arXiv:2506.14665)."""

DISPERSION = re.compile(r"(?P<xc>.+?)-(?P<version>d[34]\w*)")
"""A functional with a dispersion correction, `xc-d3bj` or `xc-d4`."""

BASIS = re.compile(r"[\w+*(),.@ -]+")
"""No slash and no line break: PySCF takes those for files and for the basis itself."""


@dataclass(frozen=True)
class Level:
    """A density functional, a basis set, a dispersion correction and a solvent.

    Attributes:
        xc: functional, as PySCF names it; `b3lyp` is Gaussian's, with VWN-RPA correlation.
        basis: orbital basis, as PySCF names it, with its core potential where it has one.
        dispersion: `d3bj`, `d3zero`, `d4` and so on, as PySCF names it.
        solvent: name in the table of Minnesota solvents; None is the gas phase.
    """

    xc: str
    basis: str
    dispersion: str | None = None
    solvent: str | None = None

    def __str__(self) -> str:
        """The name users write, `xc-dispersion/basis`, and the solvent after it."""
        name = f"{self.method}/{self.basis}"
        return name if self.solvent is None else f"{name} in {self.solvent}"

    @property
    def method(self) -> str:
        """The functional with its dispersion correction."""
        return self.xc if self.dispersion is None else f"{self.xc}-{self.dispersion}"

    @property
    def functional(self) -> Functional:
        """What PySCF is told."""
        return functional(self.xc, self.dispersion)

    @classmethod
    def parse(cls, name: str, solvent: str | None = None) -> "Level":
        """Reads a name in `LEVELS` or `xc/basis`, for example `r2scan-d4/def2-svp`.

        Args:
            name: functional, with a dispersion correction if wanted, and basis, each as PySCF
                names it, in any case.
            solvent: name of an implicit solvent.

        Raises:
            DftError: unknown-level; unknown-solvent; missing-package if the dispersion correction
                cannot be computed here.
        """
        level = LEVELS.get(name.strip().lower()) or _read(name.strip().lower())
        _check(level)
        if solvent is None:
            return level
        if level.xc == SKALA:
            raise unknown(name, "for the gas phase only")
        return replace(level, solvent=solvent_name(solvent))


TRAINING_LEVEL = Level("b3lyp", "6-31g(2df,p)")
"""The level of the geometries the shipped models were trained on (QM9)."""

LEVELS = {
    str(TRAINING_LEVEL): TRAINING_LEVEL,
    "fast": Level("pbe", "def2-svp", "d3bj"),
    "r2scan-d4/def2-svp": Level("r2scan", "def2-svp", "d4"),
    "wb97x-d3bj/def2-tzvp": Level("wb97x", "def2-tzvp", "d3bj"),
    "skala": Level(SKALA, "def2-tzvp"),
}
"""Levels with a name of their own. `fast` is a GGA: there is no exact exchange to compute, and the
auxiliary basis need only fit the Coulomb part; a dispersion correction costs nothing beside it."""


def check_basis(level: Level, atomic_numbers: Iterable[int]) -> None:
    """Checks that a basis has every element of a molecule.

    Raises:
        DftError: basis-lacks-element.
    """
    from pyscf import gto

    lacking = []
    for symbol in dict.fromkeys(chemical_symbols[z] for z in atomic_numbers):
        try:
            gto.basis.load(level.basis, symbol)
        except (KeyError, OSError, RuntimeError):
            lacking.append(symbol)
    if lacking:
        reason = f"the basis {level.basis} has no functions for {', '.join(lacking)}"
        raise DftError("basis-lacks-element", reason)


def core_potentials(basis: str, symbols: Iterable[str]) -> dict[str, str]:
    """Names the core potential of every element for which a basis was made with one.

    PySCF treats all electrons unless told, also in the part of the basis that has no core.

    Args:
        basis: as PySCF names it.
        symbols: of the elements.
    """
    from pyscf import gto

    found = {}
    for symbol in set(symbols):
        try:
            if gto.basis.load_ecp(basis, symbol):
                found[symbol] = basis
        except (KeyError, OSError, RuntimeError):
            continue
    return found


def _read(name: str) -> Level:
    method, slash, basis = name.partition("/")
    if not slash or not method:
        raise unknown(name, f"expected functional/basis or one of {', '.join(LEVELS)}")
    if method in (SKALA, "skala"):
        return Level(SKALA, basis)
    found = DISPERSION.fullmatch(method)
    if found is None:
        return Level(method, basis)
    return Level(found["xc"], basis, found["version"])


@lru_cache(128)
def _check(level: Level) -> None:
    _check_basis_name(level.basis)
    if level.xc != SKALA:
        check_functional(level.xc, level.dispersion)


def _check_basis_name(basis: str) -> None:
    from pyscf import gto

    for symbol in ("H", "C", "I"):
        try:
            if BASIS.fullmatch(basis) and gto.basis.load(basis, symbol):
                return
        except (KeyError, OSError, RuntimeError):
            continue
    raise unknown(basis, "PySCF knows no such basis")
