"""What temperature has the noise of `Relaxer.sample` that is not weighed?

By GFN2-xTB: the mean energy of noisy geometries above the conformers they relax to, over the
(3n - 6) kT / 2 of a harmonic molecule. Beside it, noise of one size for all coordinates of space,
as in the relaxation phase itself: the temperature it has for each molecule at 0.03 Angstrom.
"""

import argparse
from pathlib import Path

import numpy as np
import numpy.typing as npt
from _report import write
from ase.units import kB

from relaxd.relax import Molecule, Relaxer, from_smiles
from relaxd.relax._gfn2 import gfn2_energies

TEMPERATURES = (150.0, 298.15, 600.0)
SIGMA = 0.03
"""Angstrom per coordinate."""

Array = npt.NDArray[np.float64]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--molecules", type=int, default=42)
    parser.add_argument("--samples", type=int, default=25)
    arguments = parser.parse_args()
    lines = (Path(__file__).parent / "molecules.smi").read_text().splitlines()
    relaxer = Relaxer.load()
    ratios: dict[float, list[float]] = {temperature: [] for temperature in TEMPERATURES}
    isotropic = []
    for line in lines[: arguments.molecules]:
        molecule = from_smiles(line.split()[0])
        for temperature in TEMPERATURES:
            sample = relaxer.sample(molecule, temperature, arguments.samples, reweight=False)
            minima = np.array([c.positions for c in sample.conformers])[sample.conformer_of]
            ratios[temperature].append(warmth(molecule, sample.positions, minima) / temperature)
        minimum = relaxer.relax_in_domain([molecule])[0].positions
        noise = np.random.default_rng(0).normal(0, SIGMA, (arguments.samples, *minimum.shape))
        isotropic.append(warmth(molecule, minimum + noise, np.array([minimum])))
        print(
            line, *(f"{r[-1]:.3f}" for r in ratios.values()), f"{isotropic[-1]:.0f} K", flush=True
        )
    figures = {
        "sha256": relaxer.model.sha256,
        "n_molecules": len(isotropic),
        "temperature_over_nominal": {str(t): spread(r) for t, r in ratios.items()},
        "isotropic": {"sigma_angstrom": SIGMA, "temperature_kelvin": spread(isotropic)},
    }
    write("noise_temperature", figures, ("torch", "rdkit", "tblite"))


def warmth(molecule: Molecule, positions: Array, minima: Array) -> float:
    """K."""
    energies, lowest = (
        np.array(list(gfn2_energies(molecule, geometries))) for geometries in (positions, minima)
    )
    return float((energies - lowest).mean() / (0.5 * (3 * len(molecule) - 6) * kB))


def spread(values: list[float]) -> dict[str, float]:
    quantiles = np.quantile(values, [0.1, 0.5, 0.9])
    return dict(zip(("p10", "median", "p90"), map(float, quantiles), strict=True))


if __name__ == "__main__":
    main()
