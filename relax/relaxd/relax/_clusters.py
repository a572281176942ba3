"""Which geometries of a molecule are one conformer, and how often each occurs."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from rdkit import Chem

from ._errors import MoleculeError
from ._molecule import Molecule
from ._stereo import geometric_signs, stereo_centres

Positions = npt.NDArray[np.float64]
"""(n, 3), Angstrom."""

SAME = 0.125
"""Angstrom; geometries nearer than this are one conformer, as in CREST (doi 10.1039/C9CP06869D).
Of 360 relaxed geometries of six molecules, no two were between 0.02 and 0.25 Angstrom apart."""

MAX_AUTOMORPHISMS = 2000
"""Ways to number the atoms that are tried; with more, equal geometries may be told apart."""


@dataclass(frozen=True, eq=False, slots=True)
class Clusters:
    """Geometries sorted into conformers.

    Attributes:
        representatives: (c,) row of the lowest geometry of each conformer, ascending in energy.
        assignment: (k,) conformer of each geometry, an index of `representatives`.
        degeneracies: (c,) in how many ways, mirror images included, equal atoms can be numbered in
            each conformer. Their ratios weigh conformers against each other.
    """

    representatives: npt.NDArray[np.int64]
    assignment: npt.NDArray[np.int64]
    degeneracies: npt.NDArray[np.int64]


class Symmetry:
    """The ways in which a molecule's geometries can be laid upon each other.

    These exchange atoms that the bonds do not tell apart, and mirror the geometry where that
    leaves all stereocentres as they are: so a conformer of an achiral molecule and its mirror
    image, which have one energy, are one. Compared are all atoms but hydrogens on carbon. Turned
    methyl groups make no new conformer, then, and turned OH and NH do.

    Args:
        molecule: its bonds must be known.

    Raises:
        MoleculeError: no-bonds.
    """

    def __init__(self, molecule: Molecule) -> None:
        if molecule.rdmol is None:
            raise MoleculeError("no-bonds", "symmetry needs bonds, none are known", molecule.id)
        graph = molecule.rdmol
        self.compared = [atom.GetIdx() for atom in graph.GetAtoms() if not _on_carbon(atom)]
        skeleton = _skeleton(graph, self.compared)
        permutations = _automorphisms(skeleton)
        self._classes = _orbits(permutations)
        self._operations = _keeping_stereo(graph, molecule.positions, self.compared, permutations)

    def rmsd(self, a: Positions, b: Positions) -> float:
        """Least RMSD of the atoms compared, in Angstrom, over all ways to lay `b` upon `a`.

        Args:
            a: (n_atoms, 3), Angstrom.
            b: (n_atoms, 3), Angstrom.
        """
        return float(self._rmsds(self._centred(a), self._centred(b)).min())

    def degeneracy(self, positions: Positions, threshold: float = SAME) -> int:
        """In how many ways equal atoms can be numbered: few if the conformer is symmetric.

        Args:
            positions: (n_atoms, 3), Angstrom.
            threshold: Angstrom, up to which it is laid upon itself.
        """
        x = self._centred(positions)
        n_operations = sum(len(permutations) for permutations, _ in self._operations)
        return round(n_operations / np.count_nonzero(self._rmsds(x, x) < threshold))

    def is_same(self, a: Positions, b: Positions, threshold: float = SAME) -> bool:
        """Whether the least RMSD is below a threshold, in Angstrom."""
        x, y = self._centred(a), self._centred(b)
        if self._least(x, y) >= threshold:
            return False
        return bool(self._rmsds(x, y).min() < threshold)

    def _centred(self, positions: Positions) -> Positions:
        x = positions[self.compared]
        centred: Positions = x - x.mean(0)
        return centred

    def _least(self, a: Positions, b: Positions) -> float:
        """A bound below the RMSD that needs no superposition.

        Neither singular values nor distances from the centroid change when a geometry is turned
        or mirrored; exchanged atoms are met by sorting.
        """
        spread = np.linalg.svd(a, compute_uv=False) - np.linalg.svd(b, compute_uv=False)
        radii = [np.sort(np.linalg.norm(x[c], axis=1)) for c in self._classes for x in (a, b)]
        difference = np.concatenate(radii[::2]) - np.concatenate(radii[1::2])
        return float(np.sqrt(max((spread**2).sum(), (difference**2).sum()) / len(a)))

    def _rmsds(self, a: Positions, b: Positions) -> npt.NDArray[np.float64]:
        """(g,) RMSD after the best rotation, for each way to number and mirror `b`.

        Source: Kabsch, Acta Cryst. A 32, 922 (1976).
        """
        squared = (a**2).sum() + (b**2).sum()
        found = []
        for permutations, handedness in self._operations:
            u, singular, vt = np.linalg.svd(np.einsum("ni,gnj->gij", a, b[permutations]))
            singular[:, 2] *= handedness * np.sign(np.linalg.det(u @ vt))
            found.append(squared - 2 * singular.sum(1))
        rmsds: npt.NDArray[np.float64] = np.sqrt(np.maximum(np.concatenate(found), 0) / len(a))
        return rmsds


def cluster(
    molecule: Molecule,
    positions: npt.NDArray[np.float64],
    energies: npt.ArrayLike,
    threshold: float = SAME,
) -> Clusters:
    """Sorts geometries into conformers: each joins the lowest one that it is nearer to than this.

    Args:
        molecule: its bonds must be known.
        positions: (k, n_atoms, 3), Angstrom.
        energies: (k,), of any unit and origin; of equal ones, the first counts as lower.
        threshold: Angstrom, by the RMSD of `Symmetry`.

    Raises:
        MoleculeError: no-bonds.
    """
    symmetry = Symmetry(molecule)
    representatives: list[int] = []
    assignment = np.empty(len(positions), dtype=np.int64)
    for row in np.argsort(energies, kind="stable").tolist():
        same = (
            c
            for c, lower in enumerate(representatives)
            if symmetry.is_same(positions[lower], positions[row], threshold)
        )
        assignment[row] = next(same, len(representatives))
        if assignment[row] == len(representatives):
            representatives.append(row)
    degeneracies = [symmetry.degeneracy(positions[row], threshold) for row in representatives]
    return Clusters(np.array(representatives), assignment, np.array(degeneracies))


def _on_carbon(atom: Chem.Atom) -> bool:
    return atom.GetAtomicNum() == 1 and any(n.GetAtomicNum() == 6 for n in atom.GetNeighbors())


def _skeleton(graph: Chem.Mol, atoms: list[int]) -> Chem.Mol:
    """The graph of some atoms, without orders of bonds, which resonance may exchange.

    Isotopes stand for the number of hydrogens, which tells what the orders would.
    """
    skeleton = Chem.RWMol()
    for i in atoms:
        atom = Chem.Atom(graph.GetAtomWithIdx(i).GetAtomicNum())
        neighbours = graph.GetAtomWithIdx(i).GetNeighbors()
        atom.SetIsotope(1 + sum(n.GetAtomicNum() == 1 for n in neighbours))
        atom.SetNoImplicit(True)
        skeleton.AddAtom(atom)
    rows = {i: row for row, i in enumerate(atoms)}
    for bond in graph.GetBonds():
        ends = (bond.GetBeginAtomIdx(), bond.GetEndAtomIdx())
        if rows.keys() >= set(ends):
            skeleton.AddBond(rows[ends[0]], rows[ends[1]], Chem.BondType.SINGLE)
    return skeleton.GetMol()


def _automorphisms(skeleton: Chem.Mol) -> npt.NDArray[np.int64]:
    """(g, n), the identity first; of more than `MAX_AUTOMORPHISMS`, some."""
    found = skeleton.GetSubstructMatches(skeleton, uniquify=False, maxMatches=MAX_AUTOMORPHISMS)
    identity = range(skeleton.GetNumAtoms())
    unique: npt.NDArray[np.int64] = np.unique(np.array([tuple(identity), *found]), axis=0)
    return unique


def _orbits(permutations: npt.NDArray[np.int64]) -> list[npt.NDArray[np.int64]]:
    """Rows of the atoms that are exchanged with each other."""
    lowest = permutations.min(0)
    return [np.flatnonzero(lowest == row) for row in np.unique(lowest)]


def _keeping_stereo(
    graph: Chem.Mol,
    positions: Positions,
    compared: list[int],
    permutations: npt.NDArray[np.int64],
) -> list[tuple[npt.NDArray[np.int64], int]]:
    """Permutations that leave stereocentres as they are, without (1) and with (-1) a mirror."""
    centres = stereo_centres(graph)
    if not centres:
        return [(permutations, 1), (permutations, -1)]
    signs = geometric_signs(graph, centres, positions)
    operations = []
    for handedness in (1, -1):
        mirrored = handedness * positions
        kept = [
            permutation
            for permutation in permutations
            if geometric_signs(graph, centres, mirrored[_of_all(graph, compared, permutation)])
            == signs
        ]
        if kept:
            operations.append((np.array(kept), handedness))
    return operations


def _of_all(
    graph: Chem.Mol, compared: list[int], permutation: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """(n_atoms,) A permutation of the atoms compared, with hydrogens that go with their carbon."""
    of_all = np.arange(graph.GetNumAtoms())
    for row, image in enumerate(permutation):
        i, j = compared[row], compared[image]
        of_all[i] = j
        of_all[_left_out(graph, i)] = _left_out(graph, j)
    return of_all


def _left_out(graph: Chem.Mol, i: int) -> list[int]:
    return [atom.GetIdx() for atom in graph.GetAtomWithIdx(i).GetNeighbors() if _on_carbon(atom)]
