"""Which MMFF94 geometries lie in the basin of the DFT minimum that they were made from."""

import os
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from numpy.lib.format import open_memmap
from tqdm import tqdm

from relaxd.model.data import Basin, PairDataset

from ._arrays import from_arrays
from ._baselines import gfn2_xtb
from ._errors import MoleculeError
from ._molecule import Molecule
from ._superposition import Positions, superposed_rmsd

NEAR = 0.3
"""Angstrom, RMSD; of validation starts 0.2 to 0.3 off, nine in ten are of the minimum's basin."""

SAME_MINIMUM = 0.1
"""Angstrom, RMSD; GFN2-xTB relaxations that end nearer than this were in one basin."""

AT_THE_MINIMUM = 0.12
"""Angstrom, RMSD; so near to the DFT minimum, GFN2-xTB's end was in its basin 35 times of 35."""

ELSEWHERE = 0.8
"""Angstrom, RMSD; so far from the DFT minimum, GFN2-xTB's end was in its basin once of 29."""

CHUNK = 2
"""Molecules that one task of a process handles; few, for an interruption waits for these."""


def of_one_basin(start: Molecule, minimum: Positions) -> bool:
    """Whether GFN2-xTB relaxes a start and a DFT minimum to one and the same.

    Args:
        start: in the geometry in question.
        minimum: (n, 3), Angstrom.

    Raises:
        MoleculeError: GFN2-xTB has no solution.
    """
    end = gfn2_xtb(start).positions
    distance = superposed_rmsd(end, minimum)
    if distance < AT_THE_MINIMUM or distance > ELSEWHERE:
        return distance < AT_THE_MINIMUM
    return is_end_of(start.with_positions(minimum), end)


def is_end_of(molecule: Molecule, end: Positions) -> bool:
    """Whether GFN2-xTB relaxes a molecule to a minimum of its own that is known.

    Args:
        molecule: where to start.
        end: (n, 3), Angstrom.

    Raises:
        MoleculeError: GFN2-xTB has no solution.
    """
    return superposed_rmsd(end, gfn2_xtb(molecule).positions) < SAME_MINIMUM


def check_basins(pairs: Path, path: Path, workers: int = 2) -> Counter[Basin]:
    """Finds out which starts of the training data are of another basin than their minimum.

    Those nearer than `NEAR` are left unknown; the farthest come first. What is found is in the file
    at once, and a check that was stopped goes on; all of QM9 takes some two hours on one core.

    Args:
        pairs: file made by `relaxd.model.data.write_pairs`.
        path: .npy file, as `PairDataset` reads it; made if absent.
        workers: processes.

    Returns:
        How many molecules of the file are of which.

    Raises:
        ValueError: the file at `path` is of other pairs.
    """
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        np.save(path, np.full(PairDataset(pairs).n_in_file, Basin.UNKNOWN, np.int8))
    dataset = PairDataset(pairs, basins=path)
    basins = open_memmap(path, mode="r+")
    far = [_far(dataset, row) for row in _unknown(dataset)]
    # Not forked: OpenMP hangs in what is forked from a process that has used it.
    context, one_thread = get_context("spawn"), ("OMP_NUM_THREADS", "1")
    with ProcessPoolExecutor(workers, context, os.putenv, one_thread) as pool:
        found = pool.map(_basin, far, chunksize=CHUNK)
        progress = tqdm(found, desc="basins", total=len(far), unit="mol")
        try:
            for each, basin in zip(far, progress, strict=True):
                basins[each.row] = basin
        finally:
            pool.shutdown(cancel_futures=True)  # or Ctrl-C would wait for all
    return Counter(Basin(basin) for basin in basins)


@dataclass(frozen=True, eq=False)
class _Far:
    """A molecule whose start is far from its minimum, of a basin that is not known yet.

    Attributes:
        row: in the file of pairs.
        atomic_numbers: (n,).
        start: (n, 3), Angstrom.
        minimum: (n, 3), Angstrom.
    """

    row: int
    atomic_numbers: npt.NDArray[np.int64]
    start: Positions
    minimum: Positions


def _unknown(dataset: PairDataset) -> list[torch.Tensor]:
    """(1,) rows of far starts whose basin is not known."""
    rows = dataset.molecules[dataset.basins[dataset.molecules] == Basin.UNKNOWN]
    deviations, order = dataset.start_deviations(rows).sort(descending=True)
    return list(rows[order][deviations >= NEAR].unsqueeze(1))


def _far(dataset: PairDataset, row: torch.Tensor) -> _Far:
    batch = dataset.gather(row)
    start, minimum = (x[0].double().numpy() for x in (batch.starts, batch.minima.positions))
    return _Far(int(row), batch.minima.atomic_numbers[0].numpy(), start, minimum)


def _basin(far: _Far) -> Basin:
    try:
        same = of_one_basin(from_arrays(far.atomic_numbers, far.start), far.minimum)
    except MoleculeError:
        return Basin.OTHER  # of no use
    return Basin.SAME if same else Basin.OTHER
