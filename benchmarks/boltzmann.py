"""Does `Relaxer.sample` give the Boltzmann distribution, and how soon?

For small flexible molecules at 298.15 K: torsion distributions and energies beside long Metropolis
runs with GFN2-xTB (`metropolis.py`, two chains from different conformers; their difference is the
noise of the reference), beside such runs with MMFF94, and beside plain ETKDG. A run that was
stopped goes on with the molecules that are missing.
"""

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from _report import write
from ase.units import Bohr, Hartree, kB, kcal, mol
from metropolis import metropolis
from rdkit import Chem
from rdkit.Chem import rdForceFieldHelpers
from scipy.stats import wasserstein_distance
from tblite.exceptions import TBLiteRuntimeError
from tblite.interface import Calculator

from relaxd.relax import (
    Molecule,
    Relaxer,
    from_smiles,
    gfn2_xtb,
    torsion_angles,
    torsions,
)
from relaxd.relax._conformers import embed_conformers

Array = npt.NDArray[np.float64]

MOLECULES = {
    "butane": "CCCC",
    "1-propanol": "CCCO",
    "ethylene glycol": "OCCO",
    "glycine": "NCC(=O)O",
    "methyl acetate": "CC(=O)OC",
    "diethyl ether": "CCOCC",
    "N-methylacetamide": "CC(=O)NC",
    "alanine dipeptide": "CC(=O)N[C@@H](C)C(=O)NC",
}
TEMPERATURE = 298.15
BINS = 36
THINNING = 20
BURN_IN = 0.1
KT = kB * TEMPERATURE


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=60_000, help="of each GFN2-xTB chain")
    parser.add_argument("--samples", type=int, default=2000)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--runs", type=Path, default=Path("runs/boltzmann"))
    parser.add_argument("--molecules", nargs="*", default=list(MOLECULES))
    parser.add_argument("--references-only", action="store_true")
    arguments = parser.parse_args()
    arguments.runs.mkdir(parents=True, exist_ok=True)
    relaxer = Relaxer.load()
    rows = {}
    for name in arguments.molecules:
        molecule = from_smiles(MOLECULES[name], id=name)
        reference = [chain(molecule, n, arguments.steps, arguments.runs) for n in (0, 1)]
        if arguments.references_only:
            continue
        path = arguments.runs / f"{name}.json"
        if not path.exists():
            row = compare(relaxer, molecule, reference, arguments)
            path.write_text(json.dumps(row))
        rows[name] = json.loads(path.read_text())
        print(json.dumps({name: rows[name]}), flush=True)
    if rows:
        figures = {
            "sha256": relaxer.model.sha256,
            "temperature": TEMPERATURE,
            "steps_of_each_chain": arguments.steps,
            "samples": arguments.samples,
            "seeds": arguments.seeds,
            "molecules": rows,
        }
        write("boltzmann", figures, ("torch", "rdkit", "tblite"))


def chain(molecule: Molecule, number: int, n_steps: int, runs: Path) -> dict[str, Array]:
    """A Metropolis run with GFN2-xTB, from a file if it was made before."""
    path = runs / f"{molecule.id}-{number}-{n_steps}.npz"
    if not path.exists():
        clock = time.process_time()
        x, e = run_chain(molecule, number, n_steps, gfn2(molecule))
        np.savez(path, x=x, e=e, seconds=time.process_time() - clock)
        print(path.name, "done", flush=True)
    with np.load(path) as saved:
        return dict(saved)


def run_chain(molecule: Molecule, number: int, n_steps: int, energy: Any) -> tuple[Array, Array]:
    generator = np.random.default_rng(number)
    starts = embed_conformers(molecule, 10)
    start = starts[-1 if number else 0]
    frames, energies = [], []
    states = metropolis(molecule.rdmol, start, energy, n_steps, generator)
    for step, (x, level) in enumerate(states):
        if step >= BURN_IN * n_steps and step % THINNING == 0:
            frames.append(x.astype(np.float32))
            energies.append(level)
    return np.stack(frames).astype(float), np.array(energies) * KT / (kcal / mol)


def gfn2(molecule: Molecule) -> Any:
    """GFN2-xTB energy in kT."""
    calculator = Calculator("GFN2-xTB", molecule.atomic_numbers, molecule.positions / Bohr)
    calculator.set("verbosity", 0)

    def energy(x: Array) -> float:
        calculator.update(x / Bohr)
        try:
            return float(calculator.singlepoint().get("energy")) * Hartree / KT
        except TBLiteRuntimeError:
            return float("inf")

    return energy


def mmff94(molecule: Molecule) -> Any:
    """MMFF94 energy in kT."""
    graph = Chem.Mol(molecule.rdmol)
    properties = rdForceFieldHelpers.MMFFGetMoleculeProperties(graph)
    field = rdForceFieldHelpers.MMFFGetMoleculeForceField(graph, properties, nonBondedThresh=1000.0)

    def energy(x: Array) -> float:
        return float(field.CalcEnergy(x.ravel().tolist())) * (kcal / mol) / KT

    return energy


def compare(
    relaxer: Relaxer, molecule: Molecule, chains: list[dict[str, Array]], arguments: Any
) -> dict[str, Any]:
    """All methods beside both chains together."""
    x = np.concatenate([c["x"] for c in chains])
    e = np.concatenate([c["e"] for c in chains])
    lowest = gfn2_minimum(molecule, x, e)
    even = np.full(len(x), 1 / len(x))
    truth = Distribution(molecule, x, even, e - lowest)
    halves = [
        Distribution(molecule, c["x"], np.full(len(c["x"]), 1 / len(c["x"])), c["e"] - lowest)
        for c in chains
    ]
    row: dict[str, Any] = {
        "n_atoms": len(molecule),
        "reference": {
            **truth.summary(),
            "cpu_seconds": float(sum(c["seconds"] for c in chains)),
            "effective_samples": min(
                sum(effective(c["x"], t) for c in chains) for t in torsions(molecule)
            ),
        },
        "one chain beside the other": halves[0].beside(halves[1]),
    }
    clock = time.process_time()
    other, _ = run_chain(molecule, 0, 100_000, mmff94(molecule))
    row["MMFF94 Metropolis"] = {
        **judged(molecule, other, truth, lowest),
        "cpu_seconds": time.process_time() - clock,
    }
    clock = time.process_time()
    embedded = etkdg(molecule, 500)
    row["ETKDG"] = {
        **judged(molecule, embedded, truth, lowest),
        "cpu_seconds": time.process_time() - clock,
    }
    for label, reweight in (("relaxd, raw", False), ("relaxd, weighed", True)):
        runs = []
        for seed in range(1, arguments.seeds + 1):
            clock = time.process_time()
            sample = relaxer.sample(
                molecule, TEMPERATURE, arguments.samples, reweight=reweight, seed=seed
            )
            seconds = time.process_time() - clock
            energies = gfn2_levels(molecule, sample.positions) - lowest
            drawn = Distribution(molecule, sample.positions, sample.weights, energies)
            runs.append(
                {
                    **drawn.summary(),
                    **drawn.beside(truth),
                    "effective_samples": sample.effective_samples,
                    "cpu_seconds": seconds,
                }
            )
        row[label] = {key: float(np.median([run[key] for run in runs])) for key in runs[0]}
        row[label]["runs"] = runs
    return row


class Distribution:
    """Weighted geometries: their torsions and energies (kcal/mol above the GFN2-xTB minimum)."""

    def __init__(self, molecule: Molecule, x: Array, weights: Array, energies: Array) -> None:
        achiral = not Chem.FindMolChiralCenters(molecule.rdmol, includeUnassigned=True)
        self.histograms = []
        for torsion in torsions(molecule):
            shares, _ = np.histogram(torsion_angles(x, torsion), BINS, (-180, 180), weights=weights)
            self.histograms.append((shares + shares[::-1]) / 2 if achiral else shares)
        self.energies, self.weights = energies, weights

    def summary(self) -> dict[str, float]:
        """Mean and standard deviation of the energy."""
        mean = float(self.weights @ self.energies)
        variance = float(self.weights @ (self.energies - mean) ** 2)
        return {"energy_mean_kcal_mol": mean, "energy_std_kcal_mol": variance**0.5}

    def beside(self, other: "Distribution") -> dict[str, float]:
        """Worst torsion's divergence, and how far the energies are apart."""
        pairs = list(zip(self.histograms, other.histograms, strict=True))
        return {
            "jensen_shannon_bits": max(jensen_shannon(p, q) for p, q in pairs),
            "torsion_wasserstein_degrees": max(circular_wasserstein(p, q) for p, q in pairs),
            "energy_wasserstein_kcal_mol": float(
                wasserstein_distance(self.energies, other.energies, self.weights, other.weights)
            ),
        }


def judged(molecule: Molecule, x: Array, truth: Distribution, lowest: float) -> dict[str, float]:
    weights = np.full(len(x), 1 / len(x))
    every = max(1, len(x) // 500)
    energies = np.full(len(x), np.nan)
    energies = gfn2_levels(molecule, x[::every]) - lowest
    torsion = Distribution(molecule, x, weights, np.zeros(len(x))).beside(truth)
    part = Distribution(molecule, x[::every], np.full(len(energies), 1 / len(energies)), energies)
    distance = part.beside(truth)["energy_wasserstein_kcal_mol"]
    return {**torsion, **part.summary(), "energy_wasserstein_kcal_mol": distance}


def jensen_shannon(p: Array, q: Array) -> float:
    """Bits, from 0 to 1."""
    middle = (p + q) / 2

    def divergence(a: Array) -> float:
        held = a > 0
        return float(np.sum(a[held] * np.log2(a[held] / middle[held])))

    return (divergence(p) + divergence(q)) / 2


def circular_wasserstein(p: Array, q: Array) -> float:
    """Degrees; the median of the difference of both sums is where to cut the circle."""
    difference = np.cumsum(p - q)
    return float(np.abs(difference - np.median(difference)).sum() * 360 / BINS)


def effective(x: Array, torsion: tuple[int, int, int, int]) -> float:
    """Effective samples of a chain by the autocorrelation of a torsion (initial positive sum)."""
    angles = np.radians(torsion_angles(x, torsion))
    series = np.stack([np.cos(angles), np.sin(angles)])
    series = series - series.mean(1, keepdims=True)
    n = series.shape[1]
    spectrum = np.abs(np.fft.rfft(series, 2 * n)) ** 2
    correlation = np.fft.irfft(spectrum.sum(0))[:n] / np.arange(n, 0, -1)
    correlation /= correlation[0]
    negative = np.flatnonzero(correlation < 0.02)
    end = negative[0] if len(negative) else n
    return float(n / (2 * correlation[:end].sum() - 1))


def gfn2_levels(molecule: Molecule, x: Array) -> Array:
    """kcal/mol."""
    energy = gfn2(molecule)
    return np.array([energy(geometry) for geometry in x]) * KT / (kcal / mol)


def gfn2_minimum(molecule: Molecule, x: Array, e: Array) -> float:
    """Energy of the lowest of some minima reached from the lowest geometries, kcal/mol."""
    lowest = np.argsort(e)[:5]
    return min(gfn2_xtb(molecule.with_positions(x[row])).energy_ev / (kcal / mol) for row in lowest)


def etkdg(molecule: Molecule, n: int) -> Array:
    from rdkit.Chem import rdDistGeom

    graph = Chem.Mol(molecule.rdmol)
    parameters = rdDistGeom.ETKDGv3()
    parameters.randomSeed = 1
    rdDistGeom.EmbedMultipleConfs(graph, n, parameters)
    return np.stack([c.GetPositions() for c in graph.GetConformers()])


if __name__ == "__main__":
    main()
