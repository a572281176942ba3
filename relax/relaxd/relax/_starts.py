"""Other geometries to start from than the one the model was trained to start from."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from rdkit import Chem
from tqdm import tqdm

from ._baselines import gfn2_xtb
from ._basins import is_end_of
from ._energy_gap import energy_gap
from ._errors import MoleculeError
from ._etkdg import PRE_RELAXATION_STEPS, SEED, add_conformers
from ._evaluation import Case, statistics
from ._force_field import make_force_field
from ._molecule import Molecule
from ._relaxer import Relaxer
from ._stereo import mark_stereo
from ._superposition import Positions, superposed_rmsd

NOISE = 0.1
"""Angstrom per coordinate, of a noisy minimum."""

N_EMBEDDED = 50
"""Embedded geometries, of which the nearest to the minimum is taken."""

WORSE = 0.05
"""kcal/mol, by which a geometry must rise to count as made worse."""


def etkdg(case: Case) -> Positions:
    """ETKDGv3 without a force field; of many, the nearest to the minimum."""
    graph = _graph(case)
    mark_stereo(graph)
    if not add_conformers(graph, N_EMBEDDED, SEED):
        raise MoleculeError("embedding-failed", "ETKDG finds no geometry", case.start.id)
    embedded = [conformer.GetPositions() for conformer in graph.GetConformers()]
    return min(embedded, key=lambda x: superposed_rmsd(x, case.minimum))


def uff(case: Case) -> Positions:
    """What the minimum relaxes to with UFF."""
    graph = _graph(case)
    make_force_field(graph, "uff").Minimize(maxIts=PRE_RELAXATION_STEPS)
    relaxed: Positions = graph.GetConformer().GetPositions()
    return relaxed


def gfn2(case: Case) -> Positions:
    """What the minimum relaxes to with GFN2-xTB."""
    return gfn2_xtb(case.start.with_positions(case.minimum)).positions


def noisy(case: Case) -> Positions:
    """The minimum with Gaussian noise."""
    noise = np.random.default_rng(case.index).normal(0, NOISE, case.minimum.shape)
    moved: Positions = case.minimum + noise
    return moved


def itself(case: Case) -> Positions:
    """The minimum."""
    return case.minimum


def _graph(case: Case) -> Chem.Mol:
    """The bonds, with the minimum as the only conformer.

    Raises:
        MoleculeError: no-bonds.
    """
    graph = case.start.with_positions(case.minimum).rdmol
    if graph is None:
        raise MoleculeError("no-bonds", "bonds are needed, and none are known", case.start.id)
    return graph


STARTS: dict[str, Callable[[Case], Positions]] = {
    "etkdg": etkdg,
    "uff": uff,
    "gfn2-xtb": gfn2,
    "minimum + 0.1 A": noisy,
    "minimum": itself,
}
"""Each makes a start of a molecule whose minimum is known."""


def evaluate_starts(relaxer: Relaxer, cases: Sequence[Case]) -> dict[str, Any]:
    """How near to the DFT minimum the model comes from other starts.

    Energies are estimates (`energy_gap`), and count where start and minimum are of one basin,
    which is GFN2-xTB's word.

    Args:
        relaxer: the model.
        cases: molecules with known minima.

    Returns:
        For each of `STARTS`, figures that JSON can hold.
    """
    ends = [gfn2(case) for case in tqdm(cases, desc="basins", unit="mol")]
    return {name: _evaluate(relaxer, cases, ends, make) for name, make in STARTS.items()}


def _evaluate(
    relaxer: Relaxer,
    cases: Sequence[Case],
    ends: Sequence[Positions],
    make: Callable[[Case], Positions],
) -> dict[str, Any]:
    kept: list[tuple[Case, Molecule]] = []
    n_made = 0
    for case, end in zip(tqdm(cases, desc=make.__name__, unit="mol"), ends, strict=True):
        try:
            start = case.start.with_positions(make(case))
            of_the_basin = is_end_of(start, end)
        except MoleculeError:
            continue
        n_made += 1
        if of_the_basin:
            kept.append((case, start))
    figures: dict[str, Any] = {"n_molecules": n_made, "same_basin": len(kept) / max(n_made, 1)}
    if not kept:
        return figures
    results = relaxer.relax_in_domain([start for _, start in kept])
    geometries = {
        "start": [start.positions for _, start in kept],
        "relaxd": [result.positions for result in results],
    }
    gaps = {
        name: np.array(
            [
                energy_gap(start.with_positions(x), case.minimum)
                for (case, start), x in zip(kept, found, strict=True)
            ]
        )
        for name, found in geometries.items()
    }
    for name, found in geometries.items():
        pairs = zip(kept, found, strict=True)
        rmsd = [superposed_rmsd(x, case.minimum) for (case, _), x in pairs]
        figures[name] = {
            "rmsd_angstrom": statistics(rmsd),
            "energy_gap_kcal_mol": statistics(gaps[name]),
        }
    figures["made_worse"] = float(np.mean(gaps["relaxd"] > gaps["start"] + WORSE))
    return figures


def starts_table(figures: dict[str, Any]) -> str:
    """The figures of `evaluate_starts` as lines of text."""
    lines = [
        f"{'':17s} {'RMSD, Angstrom':>18s}   {'estimated dE, kcal/mol':>36s}   one     made",
        f"{'start':17s} {'before':>9s} {'after':>8s}   {'before':>8s} {'after':>8s} {'mean':>8s} "
        f"{'P90':>8s}     basin   worse",
    ]
    for name, row in figures.items():
        if "relaxd" not in row:
            lines.append(f"{name:17s} no start of the minimum's basin")
            continue
        before, after = row["start"], row["relaxd"]
        gap = after["energy_gap_kcal_mol"]
        lines.append(
            f"{name:17s} {before['rmsd_angstrom']['median']:9.4f} "
            f"{after['rmsd_angstrom']['median']:8.4f}   "
            f"{before['energy_gap_kcal_mol']['median']:8.3f} {gap['median']:8.3f} "
            f"{gap['mean']:8.3f} {gap['p90']:8.3f}   {row['same_basin']:7.1%} "
            f"{row['made_worse']:7.1%}"
        )
    return "\n".join(lines)
