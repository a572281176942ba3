"""By what chemistry the errors go: estimated energies above the minimum, group by group.

    python benchmarks/chemistry.py --pairs runs/pairs.safetensors

The first validation molecules in the fixed random order, each from the MMFF94 geometry that its DFT
minimum relaxes to; counted are those whose start is of the minimum's basin by GFN2-xTB's word. A
molecule is in every group whose pattern it has.
"""

import argparse
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import torch
from _report import RESULTS, write
from rdkit import Chem
from rdkit.Chem import rdMolDescriptors

from relaxd.relax import Case, Relaxer, read_cases
from relaxd.relax._evaluation import METHODS, Comparison, compare, statistics

PATTERNS = {
    "hydroxyl": "[OX2H]",
    "ether": "[OX2]([#6])[#6]",
    "carbonyl": "[CX3]=[OX1]",
    "amine": "[NX3;!$(N-C=[O,N])]([#6,H])[#6,H]",
    "amide": "[NX3][CX3]=[OX1]",
    "imine": "[CX3]=[NX2]",
    "nitrile": "[CX2]#[NX1]",
    "alkyne": "[CX2]#[CX2]",
    "aromatic": "a",
    "three-membered ring": "[r3]",
    "four-membered ring": "[r4]",
}
"""SMARTS."""

N_BINS = 60
LABELS = {"mmff94": "MMFF94", "gfn2-xtb": "GFN2-xTB", "relaxd": "relaxd"}


def groups(mol: Chem.Mol | None) -> list[str]:
    """Those that a molecule is of; none where its bonds are unknown."""
    if mol is None:
        return []
    mol = Chem.RemoveHs(mol)
    found = [
        name
        for name, smarts in PATTERNS.items()
        if mol.HasSubstructMatch(Chem.MolFromSmarts(smarts))
    ]
    n_rotors = rdMolDescriptors.CalcNumRotatableBonds(mol)
    return [*found, "no rotor" if n_rotors == 0 else "1 rotor" if n_rotors == 1 else "2 or more"]


def by_group(cases: list[Case], found: Comparison) -> dict[str, dict[str, Any]]:
    """Figures of each group, the one with the largest errors first."""
    members = [set(groups(case.start.rdmol)) for case in cases]
    rows = {}
    for name in sorted(set().union(*members)):
        mine = found.same_basin & np.array([name in each for each in members])
        if not mine.any():
            continue
        figures = {method: statistics(found.gaps[method][mine]) for method in METHODS}
        rows[name] = {"n_molecules": int(mine.sum()), "energy_gap_kcal_mol": figures}
    order = sorted(rows, key=lambda name: -rows[name]["energy_gap_kcal_mol"]["relaxd"]["median"])
    return {name: rows[name] for name in order}


def plot(found: Comparison, rows: dict[str, dict[str, Any]]) -> None:
    """Histograms of all, and medians and 90th percentiles of the groups."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.4), layout="constrained")
    bins = np.geomspace(1e-3, 1e2, N_BINS)
    for method in METHODS:
        gaps = np.clip(found.gaps[method][found.same_basin], bins[0], bins[-1])
        left.hist(gaps, bins, alpha=0.6, label=LABELS[method])
    left.set(
        xscale="log",
        xlabel="estimated energy above the minimum, kcal/mol",
        ylabel="molecules",
        title=f"{found.same_basin.sum()} validation molecules",
    )
    left.legend(frameon=False)
    for method in METHODS:
        ends = [
            [row["energy_gap_kcal_mol"][method][key] for row in rows.values()]
            for key in ("median", "p90")
        ]
        (line,) = right.plot(ends[0], range(len(rows)), "o", label=LABELS[method])
        right.hlines(range(len(rows)), *ends, color=line.get_color(), alpha=0.5)
    right.set(
        xscale="log",
        yticks=range(len(rows)),
        yticklabels=[f"{name} ({row['n_molecules']})" for name, row in rows.items()],
        xlabel="median, and to the 90th percentile, kcal/mol",
    )
    right.invert_yaxis()
    figure.savefig(RESULTS.parent / "chemistry.png", dpi=150)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=Path, default=Path("runs/pairs.safetensors"))
    parser.add_argument("--molecules", type=int, default=2000)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    relaxer = Relaxer.load()
    cases = read_cases(arguments.pairs, arguments.molecules)
    found = compare(relaxer, cases)
    rows = by_group(cases, found)
    report = {
        "model": relaxer.model.name,
        "sha256": relaxer.model.sha256,
        "n_molecules": len(cases),
        "same_basin": float(found.same_basin.mean()),
        "energy_gap_kcal_mol": {m: statistics(found.gaps[m][found.same_basin]) for m in METHODS},
        "groups": rows,
    }
    write("chemistry", report, ("torch", "e3nn", "rdkit", "tblite"))
    plot(found, rows)
    for name, row in rows.items():
        medians = (row["energy_gap_kcal_mol"][m]["median"] for m in METHODS)
        print(f"{name:22s} {row['n_molecules']:5d}", *(f"{median:8.3f}" for median in medians))


if __name__ == "__main__":
    main()
