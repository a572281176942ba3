"""How often is the lowest conformer found, and in what time?

The minimum that counts is the lowest of an exhaustive search: ETKDG geometries, all relaxed with
GFN2-xTB. Beside `Relaxer.conformers` stand, from the same embedded geometries, the lowest by
MMFF94, the lowest by GFN2-xTB energies of the MMFF94 geometries, and the lowest after GFN2-xTB has
relaxed each that is unlike the others. Every answer is then relaxed with GFN2-xTB, out of the time
that is measured, and compared: the model's own minima are those of B3LYP. Of three molecules, B3LYP
energies of the conformers tell what the ranking is worth. One core; what is done is kept in a file,
and a run that was stopped goes on.
"""

import argparse
import json
import os
import statistics
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

os.environ["OMP_NUM_THREADS"] = "1"

import matplotlib.pyplot as plt
import numpy as np
import torch
from _report import RESULTS, write
from ase.units import kcal, mol
from matplotlib.ticker import NullFormatter
from rdkit import Chem
from rdkit.Chem import rdDistGeom
from scipy.stats import spearmanr
from tblite.ase import TBLite

from relaxd.dft_bridge import TRAINING_LEVEL, single_point
from relaxd.relax import (
    EnergyCache,
    Molecule,
    MoleculeError,
    Relaxer,
    RelaxResult,
    Symmetry,
    cluster,
    conformer_starts,
    embed_conformers,
    from_smiles,
    gfn2_xtb,
    mmff94,
    stereo_kept,
)

MOLECULES = {
    "1-propanol": "CCCO",
    "ethylene glycol": "OCCO",
    "glycine": "NCC(=O)O",
    "alanine": "C[C@H](N)C(=O)O",
    "diethyl ether": "CCOCC",
    "pentane": "CCCCC",
    "2-aminoethanol": "NCCO",
    "glycerol": "OCC(O)CO",
    "N-ethylacetamide": "CCNC(C)=O",
    "1,3-propanediol": "OCCCO",
    "beta-alanine": "NCCC(=O)O",
    "pentanal": "CCCCC=O",
    "serine": "N[C@@H](CO)C(=O)O",
}

BY_DFT = ("glycine", "ethylene glycol", "1-propanol")
"""Small enough for B3LYP energies of all conformers."""

N_EXHAUSTIVE = 250
"""Geometries of the exhaustive search."""

EXHAUSTIVE_SEED = 4242
"""Of its embedding; no method starts from the same geometries."""

SIZES = (10, 30, 100)
"""Geometries that each method embeds."""

SEEDS = (1, 2, 3)
"""Of the embeddings; each is a try."""

KCAL_MOL = kcal / mol


def gfn2_energy(molecule: Molecule) -> float:
    """Of the geometry as it is, kcal/mol."""
    atoms = molecule.to_atoms()
    atoms.calc = TBLite(method="GFN2-xTB", verbosity=0)
    energy: float = atoms.get_potential_energy() / KCAL_MOL
    return energy


def lowest(molecules: list[Molecule], energy: Callable[[Molecule], float]) -> Molecule:
    return min(molecules, key=energy)


def by_mmff94(molecule: Molecule, n: int, seed: int) -> Molecule:
    embedded = embed_conformers(molecule, n, seed)
    return lowest([molecule.with_positions(x) for x in embedded], lambda m: mmff94(m).energy_ev)


def by_gfn2_energies(molecule: Molecule, n: int, seed: int) -> Molecule:
    return lowest(conformer_starts(molecule, n, seed), gfn2_energy)


def by_gfn2_relaxations(molecule: Molecule, n: int, seed: int) -> Molecule:
    starts = conformer_starts(molecule, n, seed)
    relaxed = [start.with_positions(gfn2_xtb(start).positions) for start in starts]
    return lowest([m for m in relaxed if stereo_kept(molecule, m.positions)], gfn2_energy)


def methods(relaxer: Relaxer) -> dict[str, Callable[[Molecule, int, int], Molecule]]:
    def by_relaxd(molecule: Molecule, n: int, seed: int) -> Molecule:
        best: RelaxResult = relaxer.conformers(molecule, n, seed=seed).lowest
        return molecule.with_positions(best.positions)

    return {
        "MMFF94": by_mmff94,
        "MMFF94, GFN2-xTB energies": by_gfn2_energies,
        "relaxd": by_relaxd,
        "GFN2-xTB relaxations": by_gfn2_relaxations,
    }


def relaxed_by_gfn2(molecule: Molecule) -> tuple[Molecule, float]:
    """Its GFN2-xTB minimum, and the energy there in kcal/mol."""
    found = gfn2_xtb(molecule)
    return molecule.with_positions(found.positions), found.energy_ev / KCAL_MOL


def exhaustive(molecule: Molecule) -> tuple[list[Molecule], list[float]]:
    """Every GFN2-xTB minimum found, and their energies in kcal/mol, ascending."""
    rdmol = Chem.Mol(molecule.rdmol)
    parameters: Any = rdDistGeom.ETKDGv3()
    parameters.randomSeed = EXHAUSTIVE_SEED
    # Not relaxed by MMFF94 before, which has other minima.
    rdDistGeom.EmbedMultipleConfs(rdmol, N_EXHAUSTIVE, parameters)
    starts = []
    for conformer in rdmol.GetConformers():
        with suppress(MoleculeError):  # atoms upon each other, which MMFF94 would part
            starts.append(molecule.with_positions(conformer.GetPositions()))
    relaxed = [relaxed_by_gfn2(m) for m in starts if stereo_kept(molecule, m.positions)]
    kept = [(m, e) for m, e in relaxed if stereo_kept(molecule, m.positions)]
    positions = np.stack([m.positions for m, _ in kept])
    rows = cluster(molecule, positions, [e for _, e in kept]).representatives
    return [kept[row][0] for row in rows], [kept[row][1] for row in rows]


def tries(molecule: Molecule, relaxer: Relaxer) -> list[dict[str, Any]]:
    """Every method, size and seed, side by side."""
    rows = []
    for seed in SEEDS:
        for n in SIZES:
            for method, find in methods(relaxer).items():
                clock = time.perf_counter()
                answer = find(molecule, n, seed)
                seconds = time.perf_counter() - clock
                end, energy = relaxed_by_gfn2(answer)
                found = {"positions": end.positions.tolist(), "energy": energy}
                rows.append({"method": method, "n": n, "seed": seed, "seconds": seconds, **found})
    return rows


def ranking(molecule: Molecule, relaxer: Relaxer) -> dict[str, Any]:
    """Energies by which relaxd ranks, and those of the GFN2-xTB minima they lead to."""
    ensemble = relaxer.conformers(molecule, max(SIZES), keep=max(SIZES))
    geometries = [molecule.with_positions(c.relaxed.positions) for c in ensemble.conformers]
    return {
        "ranked": [c.relative_energy_kcal_mol for c in ensemble.conformers],
        "relaxed": [relaxed_by_gfn2(geometry)[1] for geometry in geometries],
        "positions": [geometry.positions.tolist() for geometry in geometries],
    }


def measure(name: str, relaxer: Relaxer) -> dict[str, Any]:
    molecule = from_smiles(MOLECULES[name], id=name)
    clock = time.perf_counter()
    minima, energies = exhaustive(molecule)
    seconds = time.perf_counter() - clock
    done = tries(molecule, relaxer)
    # The search is not so exhaustive that nothing else could find a lower one.
    ends = [(e, m.positions) for e, m in zip(energies, minima, strict=True)]
    ends += [(row["energy"], np.array(row["positions"])) for row in done]
    best, positions = min(ends, key=lambda end: end[0])
    symmetry = Symmetry(molecule)
    for row in done:
        row["found"] = symmetry.is_same(positions, np.array(row.pop("positions")))
        row["gap"] = row.pop("energy") - best
    return {
        "name": name,
        "n_atoms": len(molecule),
        "exhaustive_seconds": seconds,
        "n_minima": len(minima),
        "exhaustive_gap": energies[0] - best,
        "tries": done,
        "ranking": ranking(molecule, relaxer),
    }


def by_dft(row: dict[str, Any], energies: EnergyCache) -> dict[str, Any]:
    """How GFN2-xTB ranks the conformers that B3LYP energies rank otherwise."""
    molecule = from_smiles(MOLECULES[row["name"]], id=row["name"])
    ranked = np.array(row["ranking"]["ranked"])
    geometries = [molecule.with_positions(np.array(x)) for x in row["ranking"]["positions"]]
    dft = np.array([energies(geometry) / KCAL_MOL for geometry in geometries])
    dft -= dft.min()
    return {
        "n": len(ranked),
        "rank_correlation": float(spearmanr(ranked, dft).statistic),
        "gfn2_xtb_kcal_mol": ranked.tolist(),
        "b3lyp_kcal_mol": dft.tolist(),
        "b3lyp_of_the_lowest_kcal_mol": float(dft[0]),
    }


def summary(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rate, gap and time of each method and size, over molecules and seeds."""
    lines = []
    for n in SIZES:
        for method in {each["method"]: None for each in rows[0]["tries"]}:
            done = [t for r in rows for t in r["tries"] if (t["method"], t["n"]) == (method, n)]
            gaps = [t["gap"] for t in done]
            lines.append(
                {
                    "method": method,
                    "n": n,
                    "tries": len(done),
                    "found": statistics.mean(t["found"] for t in done),
                    "within_0.1_kcal_mol": statistics.mean(gap < 0.1 for gap in gaps),
                    "mean_gap_kcal_mol": statistics.mean(gaps),
                    "largest_gap_kcal_mol": max(gaps),
                    "median_seconds": statistics.median(t["seconds"] for t in done),
                }
            )
    return lines


def described(row: dict[str, Any]) -> dict[str, Any]:
    """One molecule in short; `relaxd_found` counts seeds, by the number of geometries."""
    found = {
        n: sum(t["found"] for t in row["tries"] if (t["method"], t["n"]) == ("relaxd", n))
        for n in SIZES
    }
    return {
        "n_atoms": row["n_atoms"],
        "n_minima": row["n_minima"],
        "exhaustive_gap_kcal_mol": row["exhaustive_gap"],
        "relaxd_found": found,
    }


def rank_correlations(rows: list[dict[str, Any]]) -> dict[str, float]:
    """Of the ranking with GFN2-xTB minima, for each molecule of three conformers or more."""
    return {
        row["name"]: float(spearmanr(row["ranking"]["ranked"], row["ranking"]["relaxed"]).statistic)
        for row in rows
        if len(row["ranking"]["ranked"]) > 2
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=Path, default=Path("runs/conformers.jsonl"))
    parser.add_argument("--cache", type=Path, default=Path("runs/conformer_energies.jsonl"))
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    relaxer = Relaxer.load()
    relaxer.relax("CCO")
    arguments.rows.parent.mkdir(parents=True, exist_ok=True)
    arguments.rows.touch()
    rows = [json.loads(line) for line in arguments.rows.read_text().splitlines()]
    done = {row["name"] for row in rows}
    for name in [name for name in MOLECULES if name not in done]:
        rows.append(measure(name, relaxer))
        with arguments.rows.open("a") as file:
            file.write(json.dumps(rows[-1]) + "\n")
        print(name, f"{rows[-1]['exhaustive_seconds']:.0f} s", flush=True)
    rows.sort(key=lambda row: list(MOLECULES).index(row["name"]))
    energies = EnergyCache(
        arguments.cache, str(TRAINING_LEVEL), lambda m: single_point(m.to_atoms(), TRAINING_LEVEL)
    )
    lines = summary(rows)
    figures = {
        "sha256": relaxer.model.sha256,
        "threads": 1,
        "exhaustive_geometries": N_EXHAUSTIVE,
        "seeds": len(SEEDS),
        "methods": lines,
        "exhaustive_median_seconds": statistics.median(r["exhaustive_seconds"] for r in rows),
        "molecules": {row["name"]: described(row) for row in rows},
        "rank_correlation_with_gfn2_xtb_minima": rank_correlations(rows),
        "ranking_by_b3lyp": {r["name"]: by_dft(r, energies) for r in rows if r["name"] in BY_DFT},
    }
    write("conformers", figures, ("torch", "e3nn", "rdkit", "tblite", "ase", "pyscf"))
    plot(lines)
    for line in lines:
        print(
            f"{line['method']:28s} n {line['n']:4d}  found {line['found']:6.1%}  "
            f"within 0.1 {line['within_0.1_kcal_mol']:6.1%}  "
            f"gap {line['mean_gap_kcal_mol']:6.3f} kcal/mol  {line['median_seconds']:8.3f} s"
        )


def plot(lines: list[dict[str, Any]]) -> None:
    """Rate against time, a line for each method."""
    figure, axes = plt.subplots(figsize=(6, 3.4), layout="constrained")
    for method in {line["method"]: None for line in lines}:
        mine = [line for line in lines if line["method"] == method]
        seconds, rates = ([line[key] for line in mine] for key in ("median_seconds", "found"))
        axes.plot(seconds, [100 * rate for rate in rates], "o-", label=method)
        for line, x, y in zip(mine, seconds, rates, strict=True):
            axes.annotate(f" {line['n']}", (x, 100 * y), va="top")
    axes.set(xscale="log", xlabel="s per molecule, one core", ylabel="lowest minimum found, %")
    axes.set_xticks([0.03, 0.1, 0.3], labels=["0.03", "0.1", "0.3"])
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_ylim(0, 105)
    figure.legend(loc="outside upper center", ncols=2, fontsize="small")
    figure.savefig(RESULTS.parent / "conformers.png", dpi=150)


if __name__ == "__main__":
    main()
