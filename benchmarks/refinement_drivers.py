"""One DFT relaxation by one driver, as a process: prints what it cost as JSON.

    python refinement_drivers.py DRIVER STARTS NAME START

STARTS is the extxyz file that `refinement.py` makes. RDKit and torch are not needed.
"""

import ctypes
import json
import logging
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from _report import processor
from ase import Atoms
from ase.io import iread
from ase.units import Bohr, Hartree
from geometric.internal import DelocalizedInternalCoordinates
from geometric.molecule import Molecule
from geometric.optimize import OPT_STATE, Optimizer
from geometric.params import OptParams
from pyscf import dft, gto, lib
from pyscf.geomopt import geometric_solver
from tblite.ase import TBLite

from relaxd.dft_bridge import Hessian, RefineSettings, System
from relaxd.dft_bridge._relaxation import Relaxation
from relaxd.dft_bridge._task import Task

XC, BASIS = "b3lyp", "6-31g(2df,p)"
EIGENVALUE_FLOOR = 2e-3
"""Hartree/Bohr^2 and the like for angles; of the Hessian given to geomeTRIC."""

Array = npt.NDArray[np.float64]


@dataclass
class Cost:
    """What a relaxation used and where it ended."""

    converged: bool
    n_gradients: int
    scf_cycles: int
    energy_hartree: float
    positions: list[list[float]]


def _scf(atoms: Atoms, *, density_fit: bool) -> Any:
    molecule = gto.M(
        atom=list(zip(atoms.get_chemical_symbols(), atoms.positions, strict=True)),
        basis=BASIS,
        verbose=0,
    )
    scf = dft.RKS(molecule, xc=XC)
    return scf.density_fit() if density_fit else scf


def pyscf_geometric(atoms: Atoms, *, density_fit: bool) -> Cost:
    """PySCF's interface to geomeTRIC, everything at its default."""
    scf = _scf(atoms, density_fit=density_fit)
    count = {"gradients": 0, "cycles": 0}
    points: list[tuple[float, Array]] = []

    def scf_cycle(_: dict[str, Any]) -> None:
        count["cycles"] += 1

    def step(local: dict[str, Any]) -> None:
        count["gradients"] += 1
        points.append((float(local["energy"]), local["coords"] * Bohr))

    scf.callback = scf_cycle
    converged, _ = geometric_solver.kernel(scf, callback=step)
    energy, positions = points[-1]
    return Cost(converged, count["gradients"], count["cycles"], energy, positions.tolist())


def geometric_xtb(atoms: Atoms) -> Cost:
    """GeomeTRIC from the GFN2-xTB Hessian, which it converts with the GFN2-xTB gradient."""
    elements = atoms.get_chemical_symbols()
    molecule = Molecule()
    molecule.elem, molecule.xyzs = elements, [atoms.positions.copy()]
    molecule.build_topology()
    coordinates = DelocalizedInternalCoordinates(molecule, build=True, connect=True)
    start = atoms.positions.ravel() / Bohr
    low_gradient, low_hessian = _xtb_hessian(atoms)
    raised = _raised(coordinates.calcHess(start, low_gradient, low_hessian))
    coordinates.guess_hessian = lambda _: raised

    scf = _scf(atoms, density_fit=True)
    cycles = 0

    def scf_cycle(_: dict[str, Any]) -> None:
        nonlocal cycles
        cycles += 1

    scf.callback = scf_cycle
    engine = geometric_solver.PySCFEngine(scf.nuc_grad_method().as_scanner())
    with tempfile.TemporaryDirectory() as folder:
        optimizer = Optimizer(
            start, molecule, coordinates, engine, folder, OptParams(maxiter=100), print_info=False
        )
        optimizer.calcEnergyForce()
        optimizer.prepareFirstStep()
        while optimizer.state not in (OPT_STATE.CONVERGED, OPT_STATE.FAILED):
            optimizer.step()
            if optimizer.state == OPT_STATE.NEEDS_EVALUATION:
                optimizer.calcEnergyForce()
                optimizer.evaluateStep()
    positions = optimizer.X.reshape(-1, 3) * Bohr
    converged = optimizer.state == OPT_STATE.CONVERGED
    return Cost(converged, engine.cycle, cycles, float(optimizer.E), positions.tolist())


def _xtb_hessian(atoms: Atoms, displacement: float = 0.005 * Bohr) -> tuple[Array, Array]:
    """(3n,) Hartree/Bohr and (3n, 3n) Hartree/Bohr^2, by central differences."""
    xtb = atoms.copy()
    xtb.calc = TBLite(method="GFN2-xTB", verbosity=0)

    def gradient(x: Array) -> Array:
        xtb.positions = x.reshape(-1, 3)
        forces: Array = xtb.get_forces()
        return -forces.ravel() * Bohr / Hartree

    x = atoms.positions.ravel()
    shifts = np.eye(len(x)) * displacement
    rows = [(gradient(x + s) - gradient(x - s)) / (2 * displacement / Bohr) for s in shifts]
    hessian = np.array(rows)
    return gradient(x), (hessian + hessian.T) / 2


def _raised(hessian: Array) -> Array:
    values, vectors = np.linalg.eigh(hessian)
    result: Array = (vectors * np.maximum(values, EIGENVALUE_FLOOR)) @ vectors.T
    return result


def relaxd(atoms: Atoms, hessian: Hessian) -> Cost:
    """The DFT bridge, in this process."""
    system = System(tuple(int(z) for z in atoms.numbers))
    settings = RefineSettings(hessian=hessian)
    task = Task(system, atoms.positions, start=atoms.info["start"], settings=settings)
    with tempfile.TemporaryDirectory() as folder:
        found = Relaxation(task, Path(folder) / "journal.jsonl").run()
    energy, positions = found.energy / Hartree, found.positions.tolist()
    return Cost(found.converged, found.n_gradients, found.scf_cycles, energy, positions)


DRIVERS: dict[str, Callable[[Atoms], Cost]] = {
    "pyscf": lambda atoms: pyscf_geometric(atoms, density_fit=False),
    "geometric": lambda atoms: pyscf_geometric(atoms, density_fit=True),
    "geometric+xtb": geometric_xtb,
    "relaxd-no-xtb": lambda atoms: relaxd(atoms, "model"),
    "relaxd": lambda atoms: relaxd(atoms, "gfn2-xtb"),
}


def main() -> None:
    driver, starts, name, start = sys.argv[1:]
    logging.disable(logging.WARNING)
    lib.num_threads(1)
    wanted = (name, start)
    atoms = next(a for a in iread(starts) if (a.info["name"], a.info["start"]) == wanted)
    began, cpu = time.perf_counter(), time.process_time()
    cost = DRIVERS[driver](atoms)
    used = {
        "cpu_seconds": time.process_time() - cpu,
        "seconds": time.perf_counter() - began,
    }
    ran_on = {"blas": blas_kernels(), "processor": processor()}
    print(json.dumps({**vars(cost), **used, **ran_on}))


def blas_kernels() -> str:
    """The name of the kernels that PySCF's OpenBLAS uses."""
    (library,) = Path(lib.__file__).parent.glob("libopenblas*")
    name = ctypes.CDLL(str(library)).openblas_get_corename
    name.restype = ctypes.c_char_p
    return str(name().decode())


if __name__ == "__main__":
    main()
