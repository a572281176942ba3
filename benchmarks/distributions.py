"""Weighted geometries as distributions, and how far two of them are apart."""

import json
from pathlib import Path

import numpy as np
import numpy.typing as npt
from rdkit import Chem
from scipy.interpolate import CubicSpline
from scipy.stats import wasserstein_distance

from relaxd.relax import Molecule, torsion_angles, torsions

Array = npt.NDArray[np.float64]

BINS = 36
SCANS = Path(__file__).parent / "results" / "torsion_scans.json"


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


def scanned(name: str, level: str, thermal: float) -> tuple[tuple[int, ...], Array] | None:
    """The torsion of a scan and (36,) Boltzmann weights along it, if the molecule has one.

    Args:
        name: of the molecule.
        level: `b3lyp` or `gfn2_xtb`.
        thermal: kT, kcal/mol.
    """
    scan = json.loads(SCANS.read_text())["scans"].get(name)
    if scan is None:
        return None
    angles, energies = np.array(scan["angles"]), np.array(scan[f"{level}_kcal_mol"])
    curve = CubicSpline(angles, energies, bc_type="clamped")
    middles = np.abs((np.arange(BINS) + 0.5) * 360 / BINS - 180)
    weights = np.exp(-curve(middles) / thermal)
    return tuple(scan["torsion"]), weights / weights.sum()
