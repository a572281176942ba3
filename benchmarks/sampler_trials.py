"""What other samplers than relaxd's make of the same model: error against network evaluations.

    python benchmarks/sampler_trials.py --pairs runs/pairs.safetensors

Each starts from the MMFF94 geometries of validation molecules and is stopped after 1, 2, ...
evaluations of the network:

    fixed point    relaxd's: x <- D(x; sigma), sigma following the last step
    fixed sigma    the same with the noise level of the first step throughout
    Anderson       the fixed point accelerated with the last two steps (Walker & Ni 2011,
                   doi 10.1137/10078356X, type II)
    Euler          the probability-flow ODE (Karras et al. 2022, alg. 1 without its correction),
                   its steps laid out for that number of evaluations
    Heun           the same with the correction, two evaluations a step

Besides, when to stop the fixed point: by the size of the last step, or by that of the next one as
the last two predict it.
"""

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import torch
from _report import RESULTS, write
from torch import Tensor
from tqdm import tqdm

from relaxd.model import MoleculeBatch, root_mean_square
from relaxd.relax import Relaxer, read_cases, superposed_rmsd
from relaxd.relax._buckets import buckets, to_batch
from relaxd.relax._calibration import SAME_BASIN
from relaxd.relax._energy_gap import energy_gap
from relaxd.relax._evaluation import Case
from relaxd.relax._sampler import Schedule
from relaxd.relax._superposition import Positions

N_EVALUATIONS = 8
SCHEDULE = Schedule()
RHO = 7.0
"""Of the noise levels of the ODE (Karras et al. 2022, eq. 5)."""

Denoise = Callable[[Tensor, Tensor], Tensor]
"""(B, N, 3) positions and (B,) noise levels -> (B, N, 3) denoised positions."""

Sampler = Callable[[Denoise, Tensor, Tensor, int], Tensor]
"""Denoiser, start, mask and number of evaluations -> positions."""


def told(x: Tensor, sigma: float) -> Tensor:
    """(B,) noise levels, all alike."""
    return x.new_full((len(x),), sigma)


def fixed_point(denoise: Denoise, x: Tensor, mask: Tensor, n: int) -> Tensor:
    """As `relax_to_fixpoint`, without an end."""
    sigma = told(x, SCHEDULE.sigma_start)
    for _ in range(n):
        step = denoise(x, sigma) - x
        x = x + step
        size = SCHEDULE.factor * root_mean_square(step, mask)
        sigma = size.clamp(SCHEDULE.sigma_min, SCHEDULE.sigma_start)
    return x


def fixed_sigma(denoise: Denoise, x: Tensor, _: Tensor, n: int) -> Tensor:
    """The noise level of the first step throughout."""
    for _ in range(n):
        x = denoise(x, told(x, SCHEDULE.sigma_start))
    return x


def anderson(denoise: Denoise, x: Tensor, mask: Tensor, n: int) -> Tensor:
    """Fixed point with steps mixed so that the residual would be least were the map linear."""
    sigma = told(x, SCHEDULE.sigma_start)
    xs: list[Tensor] = []
    gs: list[Tensor] = []
    for _ in range(n):
        step = denoise(x, sigma) - x
        xs, gs = [*xs[-2:], x], [*gs[-2:], step]
        mixed = step
        if len(gs) > 1:
            dx = torch.stack([b - a for a, b in pairwise(xs)], -1).flatten(1, 2)
            dg = torch.stack([b - a for a, b in pairwise(gs)], -1).flatten(1, 2)
            gamma = torch.linalg.lstsq(dg, step.flatten(1).unsqueeze(-1)).solution
            mixed = step - ((dx + dg) @ gamma).view_as(step)
        x = x + mixed
        size = SCHEDULE.factor * root_mean_square(step, mask)
        sigma = size.clamp(SCHEDULE.sigma_min, SCHEDULE.sigma_start)
    return x


def levels(n_steps: int) -> list[float]:
    """Noise levels of the ODE, from the first step's to zero."""
    first, last = SCHEDULE.sigma_start ** (1 / RHO), SCHEDULE.sigma_min ** (1 / RHO)
    parts = [i / max(n_steps - 1, 1) for i in range(n_steps)]
    return [*((first + part * (last - first)) ** RHO for part in parts), 0.0]


def euler(denoise: Denoise, x: Tensor, _: Tensor, n: int) -> Tensor:
    """dx/dsigma = (x - D(x; sigma)) / sigma, n steps."""
    sigmas = levels(n)
    for now, then in pairwise(sigmas):
        x = x + (then - now) / now * (x - denoise(x, told(x, now)))
    return x


def heun(denoise: Denoise, x: Tensor, _: Tensor, n: int) -> Tensor:
    """The same with the trapezoidal rule; the last step, to zero, has no correction."""
    sigmas = levels((n + 1) // 2)
    for now, then in pairwise(sigmas):
        slope = (x - denoise(x, told(x, now))) / now
        moved = x + (then - now) * slope
        if then > 0:
            slope = (slope + (moved - denoise(moved, told(x, then))) / then) / 2
        x = x + (then - now) * slope
    return x


SAMPLERS: dict[str, Sampler] = {
    "fixed point": fixed_point,
    "fixed sigma": fixed_sigma,
    "Anderson": anderson,
    "Euler": euler,
    "Heun": heun,
}


@dataclass(frozen=True, eq=False)
class Batch:
    """Molecules that are relaxed together, and which of all they are."""

    rows: list[int]
    molecules: MoleculeBatch


@torch.inference_mode()
def run(
    relaxer: Relaxer, batches: list[Batch], n_atoms: list[int], sampler: Sampler, n: int
) -> Any:
    """(k, 3) relaxed positions of each molecule, Angstrom."""
    found: dict[int, Any] = {}
    for batch in batches:
        molecules = batch.molecules

        def denoise(x: Tensor, sigma: Tensor, within: MoleculeBatch = molecules) -> Tensor:
            return relaxer._denoise(within.with_positions(x), sigma)[0]

        ends = sampler(denoise, molecules.positions, molecules.mask, n).double().numpy()
        found.update(zip(batch.rows, ends, strict=True))
    return [found[i][: n_atoms[i]] for i in range(len(found))]


def figures(cases: list[Case], found: list[Positions]) -> dict[str, float]:
    """Errors of relaxed positions; energies of those whose start is of the minimum's basin."""
    rmsd = [superposed_rmsd(x, case.minimum) for x, case in zip(found, cases, strict=True)]
    gaps = [
        energy_gap(case.start.with_positions(x), case.minimum)
        for x, case in zip(found, cases, strict=True)
        if superposed_rmsd(case.start.positions, case.minimum) < SAME_BASIN
    ]
    return {
        "rmsd_median_angstrom": float(np.median(rmsd)),
        "energy_gap_median_kcal_mol": float(np.median(gaps)),
        "energy_gap_mean_kcal_mol": float(np.mean(gaps)),
        "energy_gap_p90_kcal_mol": float(np.percentile(gaps, 90)),
    }


def stopping(relaxer: Relaxer, cases: list[Case], batches: list[Batch]) -> list[dict[str, Any]]:
    """The fixed point stopped by either rule at several tolerances."""
    sizes = [len(case.start) for case in cases]
    path = [[case.start.positions - case.start.positions.mean(0) for case in cases]]
    path += [run(relaxer, batches, sizes, fixed_point, n + 1) for n in range(N_EVALUATIONS)]
    steps = np.array(
        [
            [np.linalg.norm(b - a, axis=1).max() for a, b in zip(x, y, strict=True)]
            for x, y in pairwise(path)
        ]
    )
    predicted = np.vstack([steps[:1], steps[1:] ** 2 / np.maximum(steps[:-1], 1e-9)])
    rows = []
    for rule, size in {"last step": steps, "predicted next step": predicted}.items():
        for tolerance in (0.005, 0.01, 0.02, 0.03):
            still = size <= tolerance
            n = np.where(still.any(0), still.argmax(0), N_EVALUATIONS - 1) + 1
            ends = [path[k][i] for i, k in enumerate(n)]
            row = {"rule": rule, "tolerance_angstrom": tolerance, "n_evaluations": float(n.mean())}
            rows.append(row | figures(cases, ends))
    return rows


def plot(samplers: dict[str, list[dict[str, float]]]) -> None:
    """Energies against evaluations."""
    figure, axes = plt.subplots(figsize=(6, 3.4), layout="constrained")
    for name, rows in samplers.items():
        x = [row["n_evaluations"] for row in rows]
        axes.plot(x, [row["energy_gap_median_kcal_mol"] for row in rows], "o-", label=name)
    axes.set(
        xlabel="network evaluations",
        ylabel="estimated energy above\nthe minimum, kcal/mol (median)",
        ylim=(0, None),
    )
    axes.legend(frameon=False)
    figure.savefig(RESULTS.parent / "sampler_trials.png", dpi=150)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=Path, default=Path("runs/pairs.safetensors"))
    parser.add_argument("--model", default="relaxd-small")
    parser.add_argument("--molecules", type=int, default=300)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    relaxer = Relaxer.load(arguments.model)
    cases = read_cases(arguments.pairs, arguments.molecules)
    sizes = [len(case.start) for case in cases]
    batches = [
        Batch(rows, to_batch([cases[row].start for row in rows], "cpu")[0])
        for rows in buckets(sizes)
    ]
    samplers: dict[str, list[dict[str, float]]] = {name: [] for name in SAMPLERS}
    for n in tqdm(range(1, N_EVALUATIONS + 1), desc="evaluations"):
        for name, sampler in SAMPLERS.items():
            # All steps of Heun take two evaluations, but the last, which takes one.
            if name == "Heun" and n % 2 == 0:
                continue
            found = run(relaxer, batches, sizes, sampler, n)
            samplers[name].append({"n_evaluations": n, **figures(cases, found)})
    report = {
        "model": relaxer.model.name,
        "sha256": relaxer.model.sha256,
        "n_molecules": len(cases),
        "samplers": samplers,
        "stopping": stopping(relaxer, cases, batches),
    }
    write("sampler_trials", report, ("torch", "e3nn", "tblite"))
    plot(samplers)
    for name, rows in samplers.items():
        print(f"{name:12s}", *(f"{row['energy_gap_median_kcal_mol']:7.3f}" for row in rows))


if __name__ == "__main__":
    main()
