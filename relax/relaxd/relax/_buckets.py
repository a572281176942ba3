"""Molecules of like size, side by side in one batch."""

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from relaxd.model import MoleculeBatch, collate

from ._molecule import Molecule

PAIRS_PER_BATCH = 2**14
"""Pairs of atoms, padding included, that go through the network at once. On a core, half as many
took a tenth longer for a molecule, and more of them were no faster."""

PAIRS_PER_GPU_BATCH = 2**19
"""The same on a GPU, which wants much to do at once: some 1600 molecules of QM9's size."""

PADDING = 1 / 8
"""Of a full batch: so much padding is worth a pass that is saved. On a core, half of it did as
well."""


def buckets(sizes: Sequence[int], pairs_per_batch: int = PAIRS_PER_BATCH) -> Iterator[list[int]]:
    """Groups molecules of like size, so that little of a batch is padding.

    Args:
        sizes: atoms of each molecule.
        pairs_per_batch: pairs of atoms, padding included, that a batch holds at most.

    Yields:
        Rows of the molecules of one batch.
    """
    bucket: list[int] = []
    used = 0
    for row in sorted(range(len(sizes)), key=sizes.__getitem__):
        padded = (len(bucket) + 1) * sizes[row] ** 2
        wasted = padded - used - sizes[row] ** 2
        if bucket and (padded > pairs_per_batch or wasted > PADDING * pairs_per_batch):
            yield bucket
            bucket, used = [], 0
        bucket.append(row)
        used += sizes[row] ** 2
    if bucket:
        yield bucket


def to_batch(
    molecules: list[Molecule], device: str
) -> tuple[MoleculeBatch, Tensor | None, list[npt.NDArray[np.float64]]]:
    """Puts molecules side by side, each about the origin.

    Args:
        molecules: B of them.
        device: where to.

    Returns:
        The batch, which atoms must not move (None if all may), and where the centroids were.
    """
    # Single precision is finest near the origin, wherever the user's molecule lies.
    centroids = [molecule.positions.mean(0) for molecule in molecules]
    batch = collate(
        [torch.from_numpy(molecule.atomic_numbers) for molecule in molecules],
        [
            torch.from_numpy(molecule.positions - centroid).float()
            for molecule, centroid in zip(molecules, centroids, strict=True)
        ],
        [molecule.bonds for molecule in molecules],
    ).to(device)
    if not any(molecule.frozen for molecule in molecules):
        return batch, None, centroids
    frozen = torch.zeros_like(batch.mask)
    for b, molecule in enumerate(molecules):
        frozen[b, list(molecule.frozen)] = True
    return batch, frozen, centroids
