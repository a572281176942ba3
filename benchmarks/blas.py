"""What the kernels of PySCF's OpenBLAS are worth: one DFT gradient with and without AVX2.

Alternately, each in a process of its own on one thread: pyrrole at B3LYP/6-31G(2df,p)
with density fitting, from PySCF's guess. See `relaxd.dft_bridge._blas`.
"""

import json
import os
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

from _report import write

from relaxd.dft_bridge._blas import VARIABLE, blas_environment
from relaxd.relax import from_smiles

N_ROUNDS = 3
SCRIPT = """
import json, sys, time
from pyscf import dft, gto, lib
from refinement_drivers import blas_kernels
lib.num_threads(1)
molecule = gto.M(atom=json.load(sys.stdin), basis='6-31g(2df,p)', verbose=0)
scf = dft.RKS(molecule, xc='b3lyp').density_fit()
began = time.process_time()
energy = scf.kernel()
middle = time.process_time()
scf.nuc_grad_method().kernel()
end = time.process_time()
print(json.dumps({'kernels': blas_kernels(), 'energy_hartree': energy,
                  'scf_seconds': middle - began, 'gradient_seconds': end - middle}))
"""


def run(added: dict[str, str], atoms: list[Any]) -> dict[str, Any]:
    """Processor seconds of one SCF and its gradient, with something added to the environment."""
    plain = {key: value for key, value in os.environ.items() if key != VARIABLE}
    environment = {**plain, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", **added}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        env=environment,
        cwd=Path(__file__).parent,
        input=json.dumps(atoms),
        capture_output=True,
        text=True,
        check=True,
    )
    return dict(json.loads(done.stdout))


def main() -> None:
    added = blas_environment({})
    if not added:
        raise SystemExit("this processor has no AVX2")
    molecule = from_smiles("c1cc[nH]c1").to_atoms()
    symbols, positions = molecule.get_chemical_symbols(), molecule.positions.tolist()
    atoms = list(zip(symbols, positions, strict=True))
    rounds = [(run({}, atoms), run(added, atoms)) for _ in range(N_ROUNDS)]
    total = [[r["scf_seconds"] + r["gradient_seconds"] for r in pair] for pair in rounds]
    plain, told = rounds[0]
    figures = {
        "by_itself": plain["kernels"],
        "told": told["kernels"],
        "cpu_seconds_by_itself": statistics.median(t[0] for t in total),
        "cpu_seconds_told": statistics.median(t[1] for t in total),
        "ratio": statistics.median(t[0] / t[1] for t in total),
        "energies_apart_hartree": abs(plain["energy_hartree"] - told["energy_hartree"]),
        "n_rounds": N_ROUNDS,
    }
    print(json.dumps(figures, indent=2))
    write("blas", figures, ("pyscf", "numpy"))


if __name__ == "__main__":
    main()
