"""Does `Relaxer.sample` give the Boltzmann distribution, and how soon?

For small flexible molecules at 298.15 K: torsion distributions and energies beside long Metropolis
runs with GFN2-xTB (`metropolis.py`, two chains from different conformers; their difference is the
noise of the reference), beside such runs with MMFF94, beside ETKDG, and for two of them beside
B3LYP scans (`torsion_scan.py`). Langevin dynamics of butane says what an independent sample costs
there. A run that was stopped goes on with what is missing.
"""

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from _report import write
from ase.units import kcal, mol
from distributions import Distribution, effective, jensen_shannon, scanned
from engines import KT, TEMPERATURE, dynamics, gfn2, mmff94
from metropolis import Energy, metropolis
from rdkit import Chem
from rdkit.Chem import rdDistGeom

from relaxd.relax import Molecule, Relaxer, from_smiles, gfn2_xtb, torsions
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
THINNING = 20
BURN_IN = 0.1
KCAL = KT / (kcal / mol)
"""kT in kcal/mol."""

ENERGIES = 500
"""Geometries of a method whose GFN2-xTB energies are looked at."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=25_000, help="of each GFN2-xTB chain")
    parser.add_argument("--samples", type=int, default=1000)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--dynamics", type=int, default=20_000, help="steps, of butane alone")
    parser.add_argument("--runs", type=Path, default=Path("runs/boltzmann"))
    parser.add_argument("--molecules", nargs="*", default=list(MOLECULES))
    parser.add_argument("--references-only", action="store_true")
    arguments = parser.parse_args()
    arguments.runs.mkdir(parents=True, exist_ok=True)
    relaxer = Relaxer.load()
    rows = {}
    for name in arguments.molecules:
        molecule = from_smiles(MOLECULES[name], id=name)
        chains = [chain(molecule, number, arguments) for number in (0, 1)]
        if not arguments.references_only:
            rows[name] = kept(
                arguments.runs / f"{name}.json",
                lambda m=molecule, c=chains: Comparison(relaxer, m, c).row(arguments),
            )
            print(name, json.dumps(rows[name]["methods"]), flush=True)
    if arguments.references_only:
        return
    figures = {
        "sha256": relaxer.model.sha256,
        "temperature": TEMPERATURE,
        "samples": arguments.samples,
        "seeds": arguments.seeds,
        "molecules": rows,
        "butane by dynamics": kept(
            arguments.runs / "dynamics.json", lambda: of_dynamics(arguments.dynamics)
        ),
    }
    write("boltzmann", figures, ("torch", "rdkit", "tblite", "ase"))


def kept(path: Path, make: Callable[[], Any]) -> Any:
    """What a file holds, made if there is none."""
    if not path.exists():
        path.write_text(json.dumps(make()))
    return json.loads(path.read_text())


def chain(molecule: Molecule, number: int, arguments: argparse.Namespace) -> dict[str, Array]:
    """A Metropolis run with GFN2-xTB, from a file if it was made before."""
    path = arguments.runs / f"{molecule.id}-{number}.npz"
    if not path.exists():
        clock = time.process_time()
        x, e = run_chain(molecule, number, arguments.steps, gfn2(molecule))
        np.savez(path, x=x, e=e, seconds=time.process_time() - clock)
        print(path.name, "done", flush=True)
    with np.load(path) as saved:
        return dict(saved)


def run_chain(molecule: Molecule, number: int, n_steps: int, energy: Energy) -> tuple[Array, Array]:
    """Geometries, and energies in kcal/mol, of every twentieth step after the first tenth."""
    generator = np.random.default_rng(number)
    start = embed_conformers(molecule, 10)[-number]
    frames, energies = [], []
    states = metropolis(molecule.rdmol, start, energy, n_steps, generator)
    for step, (x, level) in enumerate(states):
        if step >= BURN_IN * n_steps and step % THINNING == 0:
            frames.append(x)
            energies.append(level)
    return np.stack(frames), np.array(energies) * KCAL


class Comparison:
    """All methods beside both chains of one molecule together."""

    def __init__(
        self, relaxer: Relaxer, molecule: Molecule, chains: list[dict[str, Array]]
    ) -> None:
        self.relaxer, self.molecule, self.chains = relaxer, molecule, chains
        x, e = (np.concatenate([c[key] for c in chains]) for key in "xe")
        self.lowest = min(
            gfn2_xtb(molecule.with_positions(x[row])).energy_ev / (kcal / mol)
            for row in np.argsort(e)[:5]
        )
        self.truth = self._even(x, e)

    def row(self, arguments: argparse.Namespace) -> dict[str, Any]:
        """What is written of the molecule."""
        first, second = (self._even(c["x"], c["e"]) for c in self.chains)
        methods = {
            "one GFN2-xTB chain beside the other": first.beside(second),
            "MMFF94 Metropolis": self._unweighed(self._mmff94),
            "ETKDG": self._unweighed(self._etkdg),
            "relaxd, not weighed": self._relaxd(arguments, reweight=False),
            "relaxd": self._relaxd(arguments, reweight=True),
        }
        histograms = {name: method.pop("histograms", None) for name, method in methods.items()}
        histograms["GFN2-xTB Metropolis"] = [h.tolist() for h in self.truth.histograms]
        return {
            "n_atoms": len(self.molecule),
            "torsions": torsions(self.molecule),
            "reference": self._reference(),
            "methods": methods,
            "beside scans": self._beside_scans(histograms),
            "histograms": histograms,
        }

    def _reference(self) -> dict[str, float]:
        counted = [
            sum(effective(c["x"], torsion) for c in self.chains)
            for torsion in torsions(self.molecule)
        ]
        return {
            **self.truth.summary(),
            "n_steps": int(sum(len(c["x"]) for c in self.chains) * THINNING / (1 - BURN_IN)),
            "cpu_seconds": float(sum(c["seconds"] for c in self.chains)),
            "effective_samples": min(counted),
        }

    def _even(self, x: Array, e: Array) -> Distribution:
        return Distribution(self.molecule, x, np.full(len(x), 1 / len(x)), e - self.lowest)

    def _levels(self, x: Array) -> Array:
        energy = gfn2(self.molecule)
        return np.array([energy(geometry) for geometry in x]) * KCAL

    def _unweighed(self, make: Callable[[], Array]) -> dict[str, Any]:
        clock = time.process_time()
        x = make()
        seconds = time.process_time() - clock
        part = x[:: max(1, len(x) // ENERGIES)]
        energies = self._even(part, self._levels(part))
        drawn = self._even(x, np.zeros(len(x)))
        torsion, energy = drawn.beside(self.truth), energies.beside(self.truth)
        return {
            **torsion,
            "energy_wasserstein_kcal_mol": energy["energy_wasserstein_kcal_mol"],
            **energies.summary(),
            "cpu_seconds": seconds,
            "histograms": [h.tolist() for h in drawn.histograms],
        }

    def _mmff94(self) -> Array:
        return run_chain(self.molecule, 0, 100_000, mmff94(self.molecule))[0]

    def _etkdg(self) -> Array:
        graph = Chem.Mol(self.molecule.rdmol)
        parameters = rdDistGeom.ETKDGv3()
        parameters.randomSeed = 1
        rdDistGeom.EmbedMultipleConfs(graph, 500, parameters)
        return np.stack([c.GetPositions() for c in graph.GetConformers()])

    def _relaxd(self, arguments: argparse.Namespace, *, reweight: bool) -> dict[str, Any]:
        """Medians over seeds."""
        runs, histograms = [], []
        for seed in range(1, arguments.seeds + 1):
            clock = time.process_time()
            sample = self.relaxer.sample(
                self.molecule, TEMPERATURE, arguments.samples, reweight=reweight, seed=seed
            )
            seconds = time.process_time() - clock
            energies = self._levels(sample.positions) - self.lowest
            drawn = Distribution(self.molecule, sample.positions, sample.weights, energies)
            histograms.append([h.tolist() for h in drawn.histograms])
            runs.append(
                {
                    **drawn.beside(self.truth),
                    **drawn.summary(),
                    "effective_samples": sample.effective_samples,
                    "cpu_seconds": seconds,
                }
            )
        medians = {key: float(np.median([run[key] for run in runs])) for key in runs[0]}
        return {**medians, "histograms": histograms[0]}

    def _beside_scans(self, histograms: dict[str, Any]) -> dict[str, float] | None:
        """Jensen-Shannon divergence of the carbon torsion from that of the B3LYP scan."""
        scan = scanned(str(self.molecule.id), "b3lyp", KCAL)
        own = scanned(str(self.molecule.id), "gfn2_xtb", KCAL)
        if scan is None or own is None:
            return None
        row = torsions(self.molecule).index(scan[0])
        beside = {
            name: jensen_shannon(np.array(found[row]), scan[1])
            for name, found in histograms.items()
            if found is not None
        }
        return {**beside, "GFN2-xTB scan": jensen_shannon(own[1], scan[1])}


def of_dynamics(n_steps: int) -> dict[str, float]:
    """What an independent sample of butane's torsion costs by Langevin dynamics."""
    molecule = from_smiles(MOLECULES["butane"], id="butane")
    clock = time.process_time()
    x = dynamics(molecule, n_steps)
    seconds = time.process_time() - clock
    return {
        "n_steps": n_steps,
        "cpu_seconds": seconds,
        "effective_samples": effective(x, torsions(molecule)[0]),
    }


if __name__ == "__main__":
    main()
