"""DFT energies and relaxations that were paid for once, kept line by line in a file."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from ase.units import kcal, mol

from ._molecule import Molecule
from ._superposition import Positions, superposed_rmsd

Energy = Callable[[Molecule], float]
"""Energy of a molecule in its geometry, eV."""

SAME_GEOMETRY = 1e-4
"""Angstrom, RMSD; geometries closer than this share what was found."""


@dataclass(frozen=True, eq=False)
class Minimum:
    """Where a DFT relaxation led.

    Attributes:
        positions: (n, 3), Angstrom.
        drop: energy of the start above it, eV.
    """

    positions: Positions
    drop: float

    @property
    def drop_kcal_mol(self) -> float:
        """The same in kcal/mol."""
        return float(self.drop / (kcal / mol))


class _Cache:
    """Lines of one kind and one level, found by the id of their molecule and its geometry.

    Args:
        path: JSON lines; made if absent. Those of other levels and kinds are passed over.
        level: level of theory.
        kind: field that lines of this kind have, and others have not.
    """

    def __init__(self, path: Path, level: str, kind: str) -> None:
        self.level = level
        self._path = path
        self._known: dict[str, list[dict[str, Any]]] = {}
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        for line in path.read_text().splitlines():
            entry = json.loads(line)
            if entry["level"] == level and kind in entry:
                self._keep(entry)

    def _keep(self, entry: dict[str, Any]) -> None:
        positions = np.array(entry["positions"])
        self._known.setdefault(entry["molecule"], []).append({**entry, "positions": positions})

    def _entry(self, molecule: Molecule, compute: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        for entry in self._known.get(str(molecule.id), []):
            if superposed_rmsd(entry["positions"], molecule.positions) < SAME_GEOMETRY:
                return entry
        entry = {
            "level": self.level,
            "molecule": str(molecule.id),
            "positions": molecule.positions.tolist(),
            **compute(),
        }
        with self._path.open("a") as file:
            file.write(json.dumps(entry) + "\n")
        self._keep(entry)
        return entry


class EnergyCache(_Cache):
    """Energies of geometries.

    Args:
        path: JSON lines; made if absent.
        level: level of theory; energies at others in the same file are passed over.
        energy: what to call for a geometry that is not there.
    """

    def __init__(self, path: Path, level: str, energy: Energy) -> None:
        super().__init__(path, level, "energy_ev")
        self._energy = energy

    def __call__(self, molecule: Molecule) -> float:
        """Energy of a molecule, eV; from the file if it is there under its id in this geometry."""
        entry = self._entry(molecule, lambda: {"energy_ev": self._energy(molecule)})
        energy: float = entry["energy_ev"]
        return energy


class MinimumCache(_Cache):
    """Minima that geometries are relaxed to.

    Args:
        path: JSON lines; made if absent; energies may be in the same file.
        level: level of theory; minima at others in the same file are passed over.
        relax: what to call for a geometry that is not there.
    """

    def __init__(self, path: Path, level: str, relax: Callable[[Molecule], Minimum]) -> None:
        super().__init__(path, level, "minimum")
        self._relax = relax

    def __call__(self, molecule: Molecule) -> Minimum:
        """Minimum a molecule is relaxed to; from the file if it is there under its id."""

        def compute() -> dict[str, Any]:
            found = self._relax(molecule)
            return {"minimum": found.positions.tolist(), "drop_ev": found.drop}

        entry = self._entry(molecule, compute)
        return Minimum(np.array(entry["minimum"]), entry["drop_ev"])
