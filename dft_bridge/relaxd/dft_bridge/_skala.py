"""The neural functional Skala (arXiv:2506.14665)."""

import importlib
import os
from pathlib import Path
from typing import Any

from ._arrays import Array, Positions
from ._backend import System
from ._errors import DftError
from ._levels import Level
from ._pyscf import PySCFBackend

WEIGHTS = "SKALA_LOCAL_MODEL_PATH"
"""Environment variable in which the package `skala` looks for its weights."""

AUXILIARY_BASIS = "def2-universal-jkfit"
"""The one Skala was benchmarked with."""


class SkalaBackend(PySCFBackend):
    """What `PySCFBackend` does, with a functional that is a neural network.

    Its dispersion correction is part of it; it has no second derivatives.

    Args:
        system: molecule.
        level: whose functional is Skala.
        memory_mb: what PySCF may use, MB.

    Raises:
        DftError: missing-package, missing-weights.
    """

    name = "skala"

    def __init__(self, system: System, level: Level, memory_mb: int = 4000) -> None:
        super().__init__(system, level, memory_mb)
        self._xc = _load(level.xc)

    def frequencies(self, positions: Positions) -> Array:
        """None.

        Raises:
            DftError: no-frequencies.
        """
        raise DftError("no-frequencies", "skala has no second derivatives")

    def _kohn_sham(self, molecule: Any) -> Any:
        skala = importlib.import_module("skala.pyscf")
        return skala.SkalaKS(molecule, xc=self._xc, with_density_fit=True, auxbasis=AUXILIARY_BASIS)


def _load(name: str) -> Any:
    try:
        functional = importlib.import_module("skala.functional")
    except ImportError as error:
        reason = f"{name} needs the package {error.name!r}: pip install skala"
        raise DftError("missing-package", reason) from error
    path = os.environ.get(WEIGHTS, "")
    # Without a file the package would download one.
    if not Path(path).is_file():
        reason = f"{name} needs its weights, which relaxd does not fetch: set {WEIGHTS} to the file"
        raise DftError("missing-weights", reason)
    try:
        return functional.load_functional(name)
    except (OSError, RuntimeError, ValueError) as error:
        raise DftError("missing-weights", f"cannot read {path} as weights: {error}") from error
