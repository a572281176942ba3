"""Time per molecule of MMFF94, GFN2-xTB and relaxd, on the same molecules in one run on one core.

All start from the same geometries: MMFF94 from ETKDG embeddings, the others from MMFF94 minima.
GFN2-xTB is timed twice, with ASE's plain BFGS and with the faster optimiser that relaxd falls back
on. Rounds are interleaved, so that a slow spell of the machine meets every method.
"""

import dataclasses
import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"

import matplotlib.pyplot as plt
import torch
from _report import RESULTS, write
from rdkit.Chem import rdDistGeom

from relaxd.relax import Molecule, Relaxer, from_smiles, gfn2_xtb, mmff94

N_ROUNDS = 5
COPIES = 6
"""How often the model gets each molecule, to have batches as large as a busy service's."""

COMPILED = Path("runs/compiled")
"""Where the compiled network is kept from run to run."""


def timed(function: Callable[[], object], n_molecules: int) -> float:
    """Milliseconds per molecule."""
    clock = time.perf_counter()
    function()
    return (time.perf_counter() - clock) / n_molecules * 1e3


def without_bonds(molecule: Molecule) -> Molecule:
    """The same molecule for which no force-field Hessian can be made."""
    return dataclasses.replace(molecule, rdmol=None)


def main() -> None:
    torch.set_num_threads(1)
    relaxer = Relaxer.load()
    compiled = Relaxer.load(compiled_in=COMPILED)
    large = Relaxer.load("relaxd-large")
    smiles = (Path(__file__).parent / "molecules.smi").read_text().split()
    molecules = [from_smiles(s) for s in smiles]
    if not all(map(relaxer.in_domain, molecules)):
        raise ValueError("a molecule of the benchmark lies outside the model's domain")
    rough = [mmff94_start(molecule) for molecule in molecules]
    methods: dict[str, Callable[[], object]] = {
        "MMFF94": lambda: [mmff94(m) for m in rough],
        "GFN2-xTB, ASE BFGS": lambda: [gfn2_xtb(without_bonds(m)) for m in molecules],
        "GFN2-xTB, BFGS + MMFF94 Hessian": lambda: [gfn2_xtb(m) for m in molecules],
        "relaxd, batched": lambda: relaxer.relax_in_domain(molecules * COPIES),
        "relaxd, one at a time": lambda: [relaxer.relax(m) for m in molecules],
        "relaxd compiled, batched": lambda: compiled.relax_in_domain(molecules * COPIES),
        "relaxd compiled, one at a time": lambda: [compiled.relax(m) for m in molecules],
        "relaxd-large, batched": lambda: large.relax_in_domain(molecules * COPIES),
        "relaxd-large, one at a time": lambda: [large.relax(m) for m in molecules],
    }
    counts = {name: len(molecules) for name in methods}
    for name in methods:
        if name.endswith("batched"):
            counts[name] *= COPIES
    for each in (relaxer, compiled, large):
        each.relax_in_domain(molecules)
    rounds = [
        {name: timed(run, counts[name]) for name, run in methods.items()} for _ in range(N_ROUNDS)
    ]
    medians = {name: statistics.median(r[name] for r in rounds) for name in methods}
    ratios = {
        name: statistics.median(r[name] / r["relaxd, batched"] for r in rounds) for name in methods
    }
    figures = {
        "model": relaxer.model.name,
        "sha256": relaxer.model.sha256,
        "sha256_large": large.model.sha256,
        "n_molecules": len(molecules),
        "mean_atoms": statistics.mean(map(len, molecules)),
        "n_rounds": N_ROUNDS,
        "threads": 1,
        "ms_per_molecule": medians,
        "times_relaxd_batched": ratios,
    }
    write("throughput", figures, ("torch", "e3nn", "rdkit", "tblite", "ase"))
    plot(medians)
    for name in methods:
        print(f"{name:34s} {medians[name]:9.2f} ms   {ratios[name]:7.1f} x")


def mmff94_start(molecule: Molecule) -> Molecule:
    """The molecule as ETKDG embeds it, before any force field."""
    mol = molecule.to_rdkit()
    parameters = rdDistGeom.ETKDGv3()
    parameters.randomSeed = 0
    if rdDistGeom.EmbedMolecule(mol, parameters) != 0:
        raise RuntimeError(f"{molecule.smiles}: no embedding")
    return molecule.with_positions(mol.GetConformer().GetPositions())


def plot(medians: dict[str, float]) -> None:
    """Bars of milliseconds per molecule on a logarithmic axis."""
    figure, axes = plt.subplots(figsize=(7, 2.6), layout="constrained")
    bars = axes.barh(list(medians), list(medians.values()), color="#3b6ea5")
    axes.bar_label(bars, fmt="%.1f", padding=3)
    axes.set(xscale="log", xlabel="ms per molecule, one core")
    axes.margins(x=0.15)
    axes.invert_yaxis()
    figure.savefig(RESULTS.parent / "throughput.png", dpi=150)


if __name__ == "__main__":
    main()
