"""Density functionals and dispersion corrections: what PySCF is told, and what it cannot do."""

import re
from typing import NamedTuple

from ._errors import DftError

# PySCF takes most of a second to import: only those who name a level or compute wait for it.

OWN_DISPERSION = re.compile(r".*[-_]d[23]?")
"""Functionals fitted together with a correction that PySCF does not have."""

VV10_REPLACED = {"wb97x", "wb97m", "b97m"}
"""With d3bj and d4 these names mean the functional ending in -v, without its VV10."""

NO_ENERGY = {
    "GGA_X_LB",
    "GGA_X_LBM",
    "LDA_XC_TIH",
    "MGGA_X_2D_PRHG07_PRP10",
    "MGGA_X_BJ06",
    "MGGA_X_RPP09",
    "MGGA_X_TB09",
}
"""Potentials in libxc that belong to no energy; asked for one it ends the process."""

KINETIC = "_K_"
"""In libxc's names of functionals of the kinetic energy."""


class Functional(NamedTuple):
    """What PySCF is told: `mf.xc`, `mf.nlc` and `mf.disp`."""

    xc: str
    nlc: str | bool
    dispersion: str | None


def functional(xc: str, dispersion: str | None) -> Functional:
    """Follows `pyscf.scf.dispersion.parse_dft`, and refuses what that lets pass in silence.

    Args:
        xc: functional, in small letters.
        dispersion: `d3bj`, `d4` and so on.

    Raises:
        DftError: unknown-level.
    """
    from pyscf.scf.dispersion import parse_dft

    method = xc if dispersion is None else f"{xc}-{dispersion}"
    if dispersion is None and OWN_DISPERSION.fullmatch(xc):
        raise unknown(method, "needs a dispersion correction that PySCF does not have")
    if xc.endswith("-3c"):
        raise unknown(method, "composite methods, which bring their own basis, are not supported")
    if xc in VV10_REPLACED and dispersion not in (None, "d3bj", "d4"):
        raise unknown(method, f"of dispersion corrections {xc} goes with d3bj and d4 only")
    if method == "wb97x-d4":
        # What DFT-D4 recommends; PySCF does otherwise, and warns that it is going to change.
        return Functional("wb97x_v", False, "d4:wb97x")
    try:
        return Functional(*parse_dft(method))
    except NotImplementedError as error:
        raise unknown(method, str(error)) from error


def check_functional(xc: str, dispersion: str | None) -> None:
    """Checks that energies and gradients of a functional can be computed.

    Raises:
        DftError: unknown-level, missing-package.
    """
    found = functional(xc, dispersion)
    _check_known(found)
    if found.dispersion is not None:
        _check_dispersion(found)


def unknown(name: str, why: str) -> DftError:
    """The error for a level that cannot be computed."""
    return DftError("unknown-level", f"{name!r}: {why}")


def _check_known(found: Functional) -> None:
    from pyscf.dft import libxc

    try:
        _, parts = libxc.parse_xc(found.xc)
    except (KeyError, ValueError) as error:
        raise unknown(found.xc, "PySCF knows no such functional") from error
    names = {number: name for name, number in libxc.available_libxc_functionals().items()}
    parts = {names[number] for number, _ in parts}
    if parts & NO_ENERGY or any(KINETIC in part for part in parts):
        raise unknown(found.xc, "not an exchange-correlation energy")
    if libxc.needs_laplacian(found.xc):
        raise unknown(found.xc, "needs the Laplacian of the density, which PySCF does not have")
    if found.nlc is not False and libxc.is_nlc(found.xc):
        # Measured: a B97M-V gradient of water takes 62 s, one of B97M-D3BJ 0.5 s.
        why = "non-local correlation takes a hundred times as long; use -d3bj or -d4 instead of -v"
        raise unknown(found.xc, why)


def _check_dispersion(found: Functional) -> None:
    from pyscf import gto
    from pyscf.scf import dispersion

    if dispersion.dispersion is None:
        reason = f"{found.xc} with {found.dispersion} needs a package: pip install pyscf-dispersion"
        raise DftError("missing-package", reason)
    helium = gto.M(atom="He", basis="sto-3g", verbose=0)
    name = f"{found.xc}-{found.dispersion}"
    try:
        method, version, three_body = dispersion.parse_disp(found.xc, found.dispersion)
        if version not in dispersion.DISP_VERSIONS:
            raise unknown(name, f"the corrections are {', '.join(dispersion.DISP_VERSIONS)}")
        if version == "d4":
            dispersion.dftd4.DFTD4Dispersion(helium, xc=method, atm=three_body)
        else:
            dispersion.dftd3.DFTD3Dispersion(helium, xc=method, version=version, atm=three_body)
    except (RuntimeError, ValueError) as error:
        raise unknown(name, f"no such dispersion correction: {error}") from error
