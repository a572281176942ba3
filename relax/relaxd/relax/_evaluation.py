"""How close relaxed geometries come to the DFT minima they should reach."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch
from ase.units import kcal, mol
from scipy.stats import spearmanr
from tqdm import tqdm

from relaxd.model.data import PairDataset

from ._arrays import from_arrays
from ._baselines import gfn2_xtb
from ._basins import is_end_of
from ._dft_cache import EnergyCache, MinimumCache
from ._energy_gap import energy_gap
from ._molecule import Molecule
from ._relaxer import Relaxer
from ._result import RelaxResult
from ._superposition import Positions, superposed_rmsd

BoolArray = npt.NDArray[np.bool_]

Part = Literal["training", "validation"]
"""Of the data."""

SEED = 0
"""Of the order in which validation molecules are taken, and of the bootstrap."""

DOUBTFUL = 1.0
"""kcal/mol; a geometry that is less above the reference minimum counts as one of its basin."""

SAME_END = 0.1
"""Angstrom, RMSD; a DFT relaxation that ends nearer to the reference minimum has ended in it."""

N_BOOTSTRAP = 2000
"""Resamples behind a confidence interval."""

METHODS = ("mmff94", "gfn2-xtb", "relaxd")
"""What is compared; all start from the MMFF94 geometry."""

N_BINS = 8
"""Parts of the molecules, by expected error, in which it is compared with the estimated one."""


@dataclass(frozen=True, eq=False)
class Case:
    """A molecule whose DFT minimum is known.

    Attributes:
        index: its number in QM9.
        start: the molecule at the MMFF94 minimum of the DFT minimum's basin.
        minimum: (n, 3), Angstrom, its DFT minimum.
    """

    index: int
    start: Molecule
    minimum: Positions


def read_cases(pairs: Path, n_cases: int, part: Part = "validation") -> list[Case]:
    """The first molecules of a part of the data in a fixed random order.

    Args:
        pairs: file made by `relaxd.model.data.write_pairs`.
        n_cases: how many; fewer if the file holds fewer.
        part: which.
    """
    dataset = PairDataset(pairs, part)
    order = torch.randperm(len(dataset), generator=torch.Generator().manual_seed(SEED))
    cases: list[Case] = []
    for row in dataset.molecules[order].split(1):
        batch = dataset.gather(row)
        if len(cases) < n_cases and bool(batch.has_start):
            index = int(batch.index)
            numbers = batch.minima.atomic_numbers[0].numpy()
            start = from_arrays(numbers, batch.starts[0].double().numpy(), id=f"qm9-{index}")
            cases.append(Case(index, start, batch.minima.positions[0].double().numpy()))
    return cases


def statistics(values: npt.ArrayLike) -> dict[str, Any]:
    """Median with its 95 % bootstrap interval, mean and 90th percentile.

    Args:
        values: at least one.
    """
    sample = np.asarray(values)
    rows = np.random.default_rng(SEED).integers(len(sample), size=(N_BOOTSTRAP, len(sample)))
    interval = np.percentile(np.median(sample[rows], axis=1), [2.5, 97.5])
    return {
        "median": float(np.median(sample)),
        "median_95": interval.tolist(),
        "mean": float(sample.mean()),
        "p90": float(np.percentile(sample, 90)),
    }


@dataclass(frozen=True, eq=False)
class Comparison:
    """Where each of `METHODS` leads from the same starts.

    Attributes:
        results: the model's, of n cases.
        geometries: of each method, n times (k, 3), Angstrom.
        gaps: of each method, (n,) estimated energies above the DFT minima, kcal/mol.
        same_basin: (n,) whether start and DFT minimum are of one basin, which is GFN2-xTB's word.
    """

    results: list[RelaxResult]
    geometries: dict[str, list[Positions]]
    gaps: dict[str, npt.NDArray[np.float64]]
    same_basin: BoolArray


def compare(relaxer: Relaxer, cases: Sequence[Case]) -> Comparison:
    """Relaxes all starts with the model and with GFN2-xTB.

    Args:
        relaxer: the model.
        cases: where to start and to end.
    """
    results = relaxer.relax_in_domain([case.start for case in cases])
    xtb = [gfn2_xtb(case.start) for case in tqdm(cases, desc="GFN2-xTB", unit="mol")]
    geometries = {
        "mmff94": [case.start.positions for case in cases],
        "gfn2-xtb": [baseline.positions for baseline in xtb],
        "relaxd": [result.positions for result in results],
    }
    same_basin = _same_basin(cases, geometries["gfn2-xtb"])
    return Comparison(results, geometries, _gaps(cases, geometries), same_basin)


def evaluate_geometries(
    relaxer: Relaxer, cases: Sequence[Case]
) -> tuple[dict[str, Any], dict[str, list[Positions]]]:
    """RMSD from, and estimated energy above the DFT minima: starts, GFN2-xTB and the model.

    Energies count where start and minimum are of one basin; which they are is GFN2-xTB's word.

    Args:
        relaxer: the model.
        cases: where to start and to end.

    Returns:
        Figures that JSON can hold, and the geometries of each method in the order of the cases.
    """
    found = compare(relaxer, cases)
    rmsd = {
        method: statistics(
            [superposed_rmsd(x, case.minimum) for x, case in zip(positions, cases, strict=True)]
        )
        for method, positions in found.geometries.items()
    }
    figures = {"n_molecules": len(cases), "rmsd_angstrom": rmsd, **_behaviour(found.results)}
    figures["same_basin"] = float(np.mean(found.same_basin))
    figures["energy_gap_kcal_mol"] = {
        method: statistics(found.gaps[method][found.same_basin]) for method in METHODS
    }
    expected = [result.verdict.expected_error_kcal_mol for result in found.results]
    if all(error is not None for error in expected):
        figures["expected_error"] = _reliability(expected, found.gaps["relaxd"], found.same_basin)
    return figures, found.geometries


def _same_basin(cases: Sequence[Case], from_starts: Sequence[Positions]) -> BoolArray:
    """(n,) whether start and DFT minimum relax to one and the same with GFN2-xTB."""
    ends = zip(cases, tqdm(from_starts, desc="basins", unit="mol"), strict=True)
    return np.array([is_end_of(case.start.with_positions(case.minimum), end) for case, end in ends])


def _gaps(
    cases: Sequence[Case], geometries: Mapping[str, Sequence[Positions]]
) -> dict[str, npt.NDArray[np.float64]]:
    return {
        method: np.array(
            [
                energy_gap(case.start.with_positions(x), case.minimum)
                for x, case in zip(found, cases, strict=True)
            ]
        )
        for method, found in geometries.items()
    }


def _reliability(
    expected: Sequence[float | None], gaps: npt.NDArray[np.float64], same_basin: BoolArray
) -> dict[str, Any]:
    """How expected errors compare with the estimated ones, in basins that were kept."""
    told, found = (np.asarray(x, dtype=float)[same_basin] for x in (expected, gaps))
    bins = np.array_split(np.argsort(told), N_BINS)
    return {
        "rank_correlation": float(spearmanr(told, found).statistic),
        "expected_kcal_mol": [float(told[rows].mean()) for rows in bins],
        "estimated_kcal_mol": [float(found[rows].mean()) for rows in bins],
        "each": list(expected),
    }


def _behaviour(results: Sequence[RelaxResult]) -> dict[str, float]:
    verdicts = [result.verdict for result in results]
    return {
        "converged": float(np.mean([result.converged for result in results])),
        "connectivity_kept": float(np.mean([bool(v.connectivity_kept) for v in verdicts])),
        "stereo_kept": float(np.mean([bool(v.stereo_kept) for v in verdicts])),
        "n_evaluations_mean": float(np.mean([result.n_evaluations for result in results])),
    }


def evaluate_energies(
    cases: Sequence[Case], geometries: Mapping[str, Sequence[Positions]], energies: EnergyCache
) -> dict[str, Any]:
    """DFT energy of each method's geometry above that of the DFT minimum.

    Args:
        cases: molecules; a prefix of those the geometries were made of.
        geometries: of each method, as `evaluate_geometries` returns them.
        energies: at the level of the minima.

    Returns:
        Figures that JSON can hold, kcal/mol.
    """
    errors: dict[str, list[float]] = {method: [] for method in geometries}
    for row, case in enumerate(_progress(cases)):
        lowest = energies(case.start.with_positions(case.minimum))
        for method, found in geometries.items():
            energy = energies(case.start.with_positions(found[row]))
            errors[method].append((energy - lowest) / (kcal / mol))
    return {
        "level": energies.level,
        "n_molecules": len(cases),
        "qm9_index": [case.index for case in cases],
        "energy_error_kcal_mol": {method: statistics(e) for method, e in errors.items()},
        "each": errors,
    }


def evaluate_basins(
    cases: Sequence[Case],
    geometries: Sequence[Positions],
    errors: Sequence[float],
    minima: MinimumCache,
) -> dict[str, Any]:
    """Where DFT leads from geometries of the model that are far above the reference minimum.

    The starts are what MMFF94 makes of DFT minima, and now and then of another basin than these: a
    geometry is then judged by the minimum of its own.

    Args:
        cases: molecules.
        geometries: of the model, as `evaluate_geometries` returns them.
        errors: by how much they lie above the reference minima, kcal/mol.
        minima: at the level of these.

    Returns:
        Figures that JSON can hold: the share of other basins, energies above the minimum that DFT
        leads to (kcal/mol), and what was relaxed.
    """
    own, relaxed = list(errors), []
    doubtful = [row for row, error in enumerate(errors) if error > DOUBTFUL]
    for row in tqdm(doubtful, desc="DFT relaxations", unit="mol"):
        case = cases[row]
        start = case.start.with_positions(geometries[row])
        found = minima(start)
        distance = superposed_rmsd(found.positions, case.minimum)
        above = errors[row] - found.drop_kcal_mol
        entry = {
            "qm9_index": case.index,
            "rmsd_from_reference_angstrom": distance,
            "above_reference_kcal_mol": above,
            "same_basin": distance < SAME_END,
        }
        relaxed.append(entry)
        if not entry["same_basin"]:
            own[row] = found.drop_kcal_mol
    others = [entry for entry in relaxed if not entry["same_basin"]]
    return {
        "wrong_basin": len(others) / len(cases),
        "energy_error_kcal_mol": statistics(own),
        "relaxed": relaxed,
    }


def _progress(cases: Sequence[Case]) -> Iterable[Case]:
    progress: Iterable[Case] = tqdm(cases, desc="DFT", unit="mol")
    return progress


def table(figures: Mapping[str, Any]) -> str:
    """The figures as lines of text.

    Args:
        figures: those of `evaluate_geometries`, with those of `evaluate_energies`, where there
            are any, under `energies`.
    """
    lines = [f"{'':10s} {'median (95 %)':>24s} {'mean':>8s} {'P90':>8s}"]
    energies = figures.get("energies")
    n_molecules, same_basin = figures["n_molecules"], figures["same_basin"]
    blocks = [
        ("RMSD, Angstrom", n_molecules, figures["rmsd_angstrom"]),
        (
            "estimated dE, kcal/mol",
            round(n_molecules * same_basin),
            figures["energy_gap_kcal_mol"],
        ),
    ]
    if energies:
        title = f"dE, kcal/mol, {energies['level']}"
        blocks.append((title, energies["n_molecules"], energies["energy_error_kcal_mol"]))
        if basins := energies.get("basins"):
            title = "dE above the minimum of its own basin, kcal/mol"
            rows = {"relaxd": basins["energy_error_kcal_mol"]}
            blocks.append((title, energies["n_molecules"], rows))
    for title, n, rows in blocks:
        lines.append(f"{title} (n = {n})")
        for method, row in rows.items():
            low, high = row["median_95"]
            median = f"{row['median']:.4f} ({low:.4f} - {high:.4f})"
            lines.append(f"{method:10s} {median:>24s} {row['mean']:8.4f} {row['p90']:8.4f}")
    lines.append(f"start of the minimum's basin: {same_basin:.1%}")
    if energies and "basins" in energies:
        wrong = energies["basins"]["wrong_basin"]
        lines.append(f"DFT leads to another minimum than the reference from {wrong:.1%}")
    if "expected_error" in figures:
        correlation = figures["expected_error"]["rank_correlation"]
        lines.append(f"rank correlation of expected and estimated error: {correlation:.2f}")
    lines.append(
        "relaxd: converged {converged:.1%}, connectivity kept {connectivity_kept:.1%}, stereo kept "
        "{stereo_kept:.1%}, {n_evaluations_mean:.1f} evaluations a molecule".format(**figures)
    )
    return "\n".join(lines)
