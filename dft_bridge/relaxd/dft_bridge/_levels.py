"""Levels of theory by name."""

from dataclasses import dataclass

from pyscf import dft, gto


class LevelError(ValueError):
    """The level of theory is not one that can be computed."""


@dataclass(frozen=True)
class Level:
    """A density functional and a basis set.

    Attributes:
        xc: functional, as PySCF names it; `b3lyp` is Gaussian's, with VWN-RPA correlation.
        basis: orbital basis, as PySCF names it.
    """

    xc: str
    basis: str

    def __str__(self) -> str:
        """The name users write, `xc/basis`."""
        return f"{self.xc}/{self.basis}"

    @classmethod
    def parse(cls, name: str) -> "Level":
        """Reads `xc/basis`, for example `b3lyp/6-31g(2df,p)`.

        Args:
            name: functional and basis, each as PySCF names it, in any case.

        Raises:
            LevelError: no slash, or a functional or basis that PySCF does not know.
        """
        xc, slash, basis = name.lower().partition("/")
        if not slash:
            raise LevelError(f"{name!r}: expected functional/basis")
        try:
            dft.libxc.parse_xc(xc)
        except (KeyError, ValueError) as error:
            raise LevelError(f"{name!r}: PySCF knows no functional {xc!r}") from error
        try:
            gto.basis.load(basis, "H")
        except (KeyError, RuntimeError) as error:
            raise LevelError(f"{name!r}: PySCF knows no basis {basis!r}") from error
        return cls(xc, basis)


TRAINING_LEVEL = Level("b3lyp", "6-31g(2df,p)")
"""The level of the geometries the shipped models were trained on (QM9)."""
