"""Reads the file of pairs and deals it out in batches of molecules of one size."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open
from torch import Tensor

from .._batch import MoleculeBatch
from .._geometry import align, root_mean_square

VALIDATION_PERIOD, VALIDATION_PHASE = 40, 3
"""Molecules with `index % 40 == 3` are never trained on."""

ROWS_AT_ONCE = 4096
"""Molecules whose starts are compared with their minima at once."""


class Basin(IntEnum):
    """Whether the MMFF94 geometry lies in the basin of its DFT minimum."""

    UNKNOWN = -1
    OTHER = 0
    SAME = 1


@dataclass(frozen=True)
class PairBatch:
    """B molecules of N atoms each.

    Attributes:
        index: (B,) QM9 numbers.
        minima: DFT minima, with bonds where they were perceived.
        starts: (B, N, 3) MMFF94 geometries aligned to the minima; the minimum itself where
            there is none.
        has_start: (B,) bool.
        basin: (B,) int8, of `Basin`.
    """

    index: Tensor
    minima: MoleculeBatch
    starts: Tensor
    has_start: Tensor
    basin: Tensor


class PairDataset:
    """The molecules of one part of a file that `write_pairs` made, memory-mapped.

    Args:
        path: the file.
        part: "training" or "validation".
        device: where to keep it; QM9 is 70 MB, and a GPU does not wait for what it has itself.
        basins: .npy file with the `Basin` of each molecule; unknown without one.

    Attributes:
        molecules: rows of the part in the file.
        basins: (n_in_file,) int8, of `Basin`.

    Raises:
        ValueError: `basins` is of another number of molecules.
    """

    def __init__(
        self,
        path: Path,
        part: str = "training",
        device: torch.device | str = "cpu",
        basins: Path | None = None,
    ) -> None:
        with safe_open(path, framework="pt", device=str(device)) as file:
            self._tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        self._n_atoms = self._tensors["n_atoms"].long()
        self.basins = torch.full_like(self._tensors["n_atoms"], Basin.UNKNOWN, dtype=torch.int8)
        if basins is not None:
            known = torch.from_numpy(np.load(basins))
            if len(known) != self.n_in_file:
                reason = f"{len(known)} molecules, not {self.n_in_file}"
                raise ValueError(f"{basins.name}: {reason}")
            self.basins = known.to(device)
        self._n_bonds = self._tensors["n_bonds"].long()
        self._first_atom = self._n_atoms.cumsum(0) - self._n_atoms
        self._first_bond = self._n_bonds.cumsum(0) - self._n_bonds
        validation = self._tensors["index"] % VALIDATION_PERIOD == VALIDATION_PHASE
        chosen = validation if part == "validation" else ~validation
        self.molecules = chosen.nonzero().squeeze(1)

    def __len__(self) -> int:
        return len(self.molecules)

    @property
    def n_in_file(self) -> int:
        """Molecules in the file, of all parts."""
        return len(self._n_atoms)

    @property
    def elements(self) -> tuple[int, ...]:
        """Atomic numbers that occur in the file, ascending."""
        return tuple(self._tensors["atomic_numbers"].unique().tolist())

    @property
    def max_atoms(self) -> int:
        """Atoms in the largest molecule."""
        return int(self._n_atoms[self.molecules].max())

    def start_deviations(self, rows: Tensor) -> Tensor:
        """RMSD of starts from their minima; zero where there is no start.

        Args:
            rows: (B,) int64, of the file.

        Returns:
            (B,), Angstrom.
        """
        found = torch.zeros(len(rows), device=rows.device)
        sizes = self._n_atoms[rows]
        for n_atoms in sizes.unique().tolist():
            for some in (sizes == n_atoms).nonzero().squeeze(1).split(ROWS_AT_ONCE):
                batch = self.gather(rows[some])
                offset = batch.starts - batch.minima.positions
                found[some] = 3**0.5 * root_mean_square(offset, batch.minima.mask)
        return found

    def epoch(
        self, atoms_per_batch: int, generator: torch.Generator, again: Tensor | None = None
    ) -> Iterator[PairBatch]:
        """All molecules once, in random batches of molecules with the same number of atoms.

        Args:
            atoms_per_batch: about how many atoms a batch holds.
            generator: source of the order.
            again: rows of the file that come beside those of `molecules`, as often as they stand
                here.
        """
        rows = self.molecules if again is None else torch.cat([self.molecules, again])
        order = rows[torch.randperm(len(rows), generator=generator).to(rows.device)]
        sizes = self._n_atoms[order]
        batches: list[Tensor] = []
        for n_atoms in sizes.unique().tolist():
            batches.extend(order[sizes == n_atoms].split(max(1, atoms_per_batch // n_atoms)))
        for i in torch.randperm(len(batches), generator=generator).tolist():
            yield self.gather(batches[i])

    def gather(self, rows: Tensor) -> PairBatch:
        """The molecules in the given rows of the file, which must have one size.

        Args:
            rows: (B,) int64.
        """
        n_atoms = int(self._n_atoms[rows[0]])
        atoms = self._first_atom[rows].unsqueeze(1) + torch.arange(n_atoms, device=rows.device)
        numbers = self._tensors["atomic_numbers"][atoms].long()
        minima = self._tensors["positions"][atoms]
        mask = torch.ones_like(numbers, dtype=torch.bool)
        starts = align(self._tensors["start_positions"][atoms], minima, mask)
        has_start = self._tensors["has_start"][rows]
        return PairBatch(
            index=self._tensors["index"][rows],
            minima=MoleculeBatch(numbers, minima, self._bond_orders(rows, n_atoms)),
            starts=torch.where(has_start[:, None, None], starts, minima),
            has_start=has_start,
            basin=self.basins[rows],
        )

    def _bond_orders(self, rows: Tensor, n_atoms: int) -> Tensor:
        each = torch.arange(len(rows), device=rows.device)
        molecule = each.repeat_interleave(self._n_bonds[rows])
        within = (
            torch.arange(len(molecule), device=rows.device)
            - (self._n_bonds[rows].cumsum(0) - self._n_bonds[rows])[molecule]
        )
        bonds = self._first_bond[rows][molecule] + within
        i, j = self._tensors["bonds"][bonds].long().unbind(1)
        orders = torch.zeros(len(rows), n_atoms, n_atoms, device=rows.device)
        orders[molecule, i, j] = orders[molecule, j, i] = self._tensors["bond_orders"][bonds]
        return orders
