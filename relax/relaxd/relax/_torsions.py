"""The torsions by which conformations are told apart."""

from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from rdkit import Chem

from ._internal_coordinates import is_methyl
from ._molecule import Molecule

Torsion: TypeAlias = tuple[int, int, int, int]
"""Four atoms i-j-k-l, turned about the bond j-k."""


def torsions(molecule: Molecule) -> list[Torsion]:
    """One torsion for each bond about which a molecule may turn.

    Those are single bonds outside of rings, amide bonds included, between atoms that have further
    neighbours, methyl groups left out. Where there is a choice, a torsion ends at the heaviest
    neighbour, and of equal ones at the first.

    Args:
        molecule: its bonds must be known.
    """
    graph = molecule.rdmol
    if graph is None:
        return []
    found = []
    for bond in graph.GetBonds():
        ends = (bond.GetBeginAtom(), bond.GetEndAtom())
        if bond.GetBondType() == Chem.BondType.SINGLE and not bond.IsInRing():
            first, last = _heaviest(*ends), _heaviest(*ends[::-1])
            if first is not None and last is not None and not any(map(is_methyl, ends)):
                found.append((first, ends[0].GetIdx(), ends[1].GetIdx(), last))
    return found


def torsion_angles(positions: npt.NDArray[np.float64], torsion: Torsion) -> npt.NDArray[np.float64]:
    """(...) angles in degrees, from -180 to 180, of (..., n, 3) positions."""
    a, b, c, d = (positions[..., i, :] for i in torsion)
    axis = c - b
    first, second = np.cross(b - a, axis), np.cross(axis, d - c)
    sine = np.sum(np.cross(first, second) * axis, -1) / np.linalg.norm(axis, axis=-1)
    angles: npt.NDArray[np.float64] = np.degrees(np.arctan2(sine, np.sum(first * second, -1)))
    return angles


def _heaviest(atom: Chem.Atom, other: Chem.Atom) -> int | None:
    outer = [n for n in atom.GetNeighbors() if n.GetIdx() != other.GetIdx()]
    if not outer:
        return None
    index: int = min(outer, key=lambda n: (-n.GetAtomicNum(), n.GetIdx())).GetIdx()
    return index
