"""What a DFT relaxation costs, by where it starts and by what drives it.

Each cell relaxes one molecule at B3LYP/6-31G(2df,p) on one thread, in a process of its own, and
adds a line to `results/refinement.jsonl`; a run that was stopped goes on with the cells that are
missing, from other weights, or silent about the kernels of their linear algebra. The drivers are

    pyscf              PySCF's geomeTRIC interface as it comes, no density fitting
    geometric          the same with density fitting
    geometric+xtb      geomeTRIC with the GFN2-xTB Hessian of the start
    relaxd-no-xtb      `relaxd.dft_bridge`, with a model Hessian
    relaxd             `relaxd.dft_bridge`, with GFN2-xTB

`refinement_report.py` makes the table and the plot.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Lock
from typing import Any

from _report import processor
from ase import Atoms
from ase.io import read
from ase.io import write as write_atoms

from relaxd.dft_bridge._blas import blas_environment

RESULTS = Path(__file__).parent / "results" / "refinement.jsonl"
N_OF_SIZE = {7: 6, 8: 3, 9: 3}
"""How many validation molecules of so many heavy atoms: the first in the fixed random order."""
DRUG_LIKE = {
    "isoniazid": "NNC(=O)c1ccncc1",
    "salicylamide": "NC(=O)c1ccccc1O",
    "paracetamol": "CC(=O)Nc1ccc(O)cc1",
}
SMALL = ("ethanol", "formamide")
"""For the driver without density fitting."""
STARTS = ("mmff94", "gfn2-xtb", "relaxd")
COMPARED = (
    ("mmff94", "geometric"),
    ("relaxd", "relaxd"),
    ("gfn2-xtb", "geometric"),
    ("relaxd", "geometric"),
    ("mmff94", "relaxd"),
    ("gfn2-xtb", "relaxd"),
)
PARTS = tuple((start, driver) for driver in ("geometric+xtb", "relaxd-no-xtb") for start in STARTS)
UNFITTED = ("mmff94", "pyscf")
"""Start and driver: those that matter most, first, those of `SMALL` alone last."""
METHODS = [":".join(method) for method in (*COMPARED, *PARTS, UNFITTED)]


def cells(names: list[str], methods: list[str]) -> list[tuple[str, str, str]]:
    """Every (molecule, start, driver) of some of the methods, those that matter most first."""
    # One molecule's cells follow each other, so that what else the machine does hits all alike.
    found = [(name, *method) for group in (COMPARED, PARTS) for name in names for method in group]
    found += [(name, *UNFITTED) for name in SMALL if name in names]
    return [
        (name, start, driver) for name, start, driver in found if f"{start}:{driver}" in methods
    ]


def starting_points(pairs: Path, path: Path) -> None:
    """Writes every molecule in each of its starting geometries."""
    # With the file at hand, the relaxations run where there is neither RDKit nor torch.
    from relaxd.relax import Relaxer, from_smiles, gfn2_xtb, read_cases

    chosen = dict.fromkeys(N_OF_SIZE, 0)
    molecules = [from_smiles(smiles, id=name) for name, smiles in DRUG_LIKE.items()]
    for case in read_cases(pairs, 1000):
        size = int((case.start.atomic_numbers > 1).sum())
        if chosen.get(size, N_OF_SIZE.get(size, 0)) < N_OF_SIZE.get(size, 0):
            chosen[size] += 1
            molecules.append(case.start)
    molecules += [from_smiles({"ethanol": "CCO", "formamide": "NC=O"}[n], id=n) for n in SMALL]
    molecules.sort(key=len)
    relaxer = Relaxer.load()
    relaxed = relaxer.relax_in_domain(molecules)
    images = []
    for molecule, result in zip(molecules, relaxed, strict=True):
        geometries = (molecule.positions, gfn2_xtb(molecule).positions, result.positions)
        for start, positions in zip(STARTS, geometries, strict=True):
            info = {"name": str(molecule.id), "start": start}
            if start == "relaxd":
                info["weights"] = relaxer.model.sha256
            images.append(Atoms(molecule.atomic_numbers, positions, info=info))
    write_atoms(path, images, format="extxyz")


def run_cell(starts: Path, name: str, start: str, driver: str) -> dict[str, Any]:
    """Costs of one relaxation, with its reason if it failed."""
    script = Path(__file__).with_name("refinement_drivers.py")
    command = [sys.executable, str(script), driver, str(starts), name, start]
    one_thread = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    # Every driver gets the kernels that the bridge gives its own processes.
    environment = {**os.environ, **one_thread, **blas_environment(os.environ)}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode:
        reason = done.stderr.strip() or f"exit code {done.returncode}"
        return {"error": reason.splitlines()[-1]}
    return dict(json.loads(done.stdout.splitlines()[-1]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=Path, default=Path("runs/pairs.safetensors"))
    parser.add_argument("--starts", type=Path, default=Path("runs/refinement_starts.extxyz"))
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--methods", nargs="+", default=METHODS, choices=METHODS)
    parser.add_argument("--molecules", nargs="+", help="names; all by default")
    parser.add_argument("--workers", type=int, default=1, help="relaxations at once")
    parser.add_argument("--here", action="store_true", help="again what another processor did")
    arguments = parser.parse_args()
    if not arguments.starts.exists():
        starting_points(arguments.pairs, arguments.starts)
    images = read(arguments.starts, ":")
    names = list(dict.fromkeys(a.info["name"] for a in images))
    # What was measured from where other weights led is measured again.
    weights = {(a.info["name"], a.info["start"]): a.info.get("weights") for a in images}
    names = [name for name in names if name in (arguments.molecules or names)]
    arguments.results.touch()
    rows = [json.loads(line) for line in arguments.results.read_text().splitlines()]
    known = {
        (r["molecule"], r["start"], r["driver"])
        for r in rows
        if "error" not in r
        and r.get("weights") == weights.get((r["molecule"], r["start"]))
        and r.get("blas")
        and (not arguments.here or r.get("processor") == processor())
    }
    lock = Lock()

    def work(cell: tuple[str, str, str]) -> None:
        name, start, driver = cell
        began = time.perf_counter()
        row = {
            "molecule": name,
            "start": start,
            "driver": driver,
            "weights": weights[name, start],
            **run_cell(arguments.starts, *cell),
        }
        with lock, arguments.results.open("a") as file:
            file.write(json.dumps(row) + "\n")
        shown = {k: row.get(k) for k in ("n_gradients", "cpu_seconds", "error") if k in row}
        print(*cell, shown, f"{time.perf_counter() - began:.0f} s", flush=True)

    missing = [cell for cell in cells(names, arguments.methods) if cell not in known]
    with ThreadPoolExecutor(arguments.workers) as pool:
        list(pool.map(work, missing))


if __name__ == "__main__":
    main()
