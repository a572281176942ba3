"""Equal atoms named alike in all geometries of a molecule."""

import numpy as np
import numpy.typing as npt
from rdkit import Chem

from ._molecule import Molecule

Positions = npt.NDArray[np.float64]
"""(n, 3), Angstrom."""

TETRAHEDRAL = 4
"""Neighbours of an atom whose order has a handedness; with three, itself takes part."""


def named_alike(molecule: Molecule, positions: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Exchanges equal hydrogens and end groups where they go round an atom the other way.

    Embedding names the two hydrogens of a CH2 group, say, either way. Each way of naming has wells
    of its own, of which so many geometries as are embedded would find but a few.

    Args:
        molecule: its bonds must be known; its own geometry says which way is right.
        positions: (k, n, 3), Angstrom.

    Returns:
        (k, n, 3), Angstrom, the same shapes.
    """
    graph = molecule.rdmol
    if graph is None:
        return positions
    renamed = positions.copy()
    for centre, first, second in _exchangeable(graph):
        around = [n.GetIdx() for n in graph.GetAtomWithIdx(centre).GetNeighbors()]
        right = _handedness(molecule.positions, centre, around)
        for x in renamed:
            if _handedness(x, centre, around) * right < 0:
                x[[*first, *second]] = x[[*second, *first]]
    return renamed


def _exchangeable(graph: Chem.Mol) -> list[tuple[int, list[int], list[int]]]:
    """Atoms with three or four neighbours, and two equal groups at each."""
    ranks = list(Chem.CanonicalRankAtoms(graph, breakTies=False, includeChirality=False))
    found = []
    for atom in graph.GetAtoms():
        groups: dict[int, list[int]] = {}
        for neighbour in atom.GetNeighbors():
            group = _end_group(neighbour, atom.GetIdx())
            if atom.GetDegree() in (TETRAHEDRAL - 1, TETRAHEDRAL) and group:
                rank = ranks[neighbour.GetIdx()]
                if rank in groups and len(groups[rank]) == len(group):
                    found.append((atom.GetIdx(), groups[rank], group))
                    break
                groups[rank] = group
    # Hydrogens of a group last: where groups are exchanged, they go with them.
    return sorted(found, key=lambda exchange: -len(exchange[1]))


def _end_group(atom: Chem.Atom, behind: int) -> list[int]:
    """The atom and its hydrogens; nothing where more is bound to it."""
    others = [n for n in atom.GetNeighbors() if n.GetIdx() != behind]
    if any(n.GetAtomicNum() != 1 for n in others):
        return []
    return [atom.GetIdx(), *(n.GetIdx() for n in others)]


def _handedness(x: Positions, centre: int, around: list[int]) -> float:
    """Signed volume that the first three neighbours span, with the fourth or the atom itself."""
    origin = x[around[3]] if len(around) == TETRAHEDRAL else x[centre]
    a, b, c = (x[i] - origin for i in around[:3])
    return float(np.dot(np.cross(a, b), c))
