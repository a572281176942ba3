"""DFT by GPU4PySCF, on a CUDA GPU."""

import importlib
from typing import Any

from ._pyscf import PySCFBackend


class GPU4PySCFBackend(PySCFBackend):
    """What `PySCFBackend` does, with the mean field on the GPU."""

    name = "gpu4pyscf"

    def _kohn_sham(self, molecule: Any) -> Any:
        """A mean field that nothing has been computed for.

        One that has been used keeps its integrals when the geometry changes, and gives wrong
        energies.
        """
        # Neither it nor cupy can be imported without CUDA.
        dft = importlib.import_module("gpu4pyscf.dft")
        # Gives the mean fields their method PCM.
        importlib.import_module("gpu4pyscf.solvent")
        return self._completed(dft.rks.RKS if molecule.spin == 0 else dft.uks.UKS, molecule)
