"""Bond lengths, angles and torsions in place of positions, so that noise can turn a bond."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from rdkit import Chem

from ._errors import MoleculeError
from ._molecule import Molecule

Array = npt.NDArray[np.float64]

STRAIGHT = 0.2
"""Sine of an angle below which its three atoms span no plane."""

DISPLACEMENT = 1e-4
"""Angstrom or radian; for differences of positions."""

METHYL_HYDROGENS = 3


@dataclass(frozen=True, slots=True)
class Placement:
    """How one atom is placed by atoms placed before it.

    Attributes:
        atom: which is placed.
        near, next, plane: its frame; the first axis goes from `next` to `near`, the origin, and
            `plane` lies in the plane of the first two.
        polar: whether its coordinates are distance, angle and torsion; otherwise they are
            Cartesian ones of its frame, as for the second hydrogen of a methyl group, which turns
            with the first, and for what continues a straight line.
    """

    atom: int
    near: int
    next: int
    plane: int
    polar: bool


class InternalCoordinates:
    """3n - 6 coordinates that fix the shape of a molecule of n atoms.

    The first three are two distances and the angle between them, and each further atom has three
    more, those of its `Placement`.

    Args:
        molecule: its bonds must be known.
        references: (k, n, 3), Angstrom, geometries in whose neighbourhood they are used.

    Attributes:
        placements: of all atoms but the first three, in the order of the coordinates.
        is_torsion: (3n - 6,) bool; which are periodic, with period 2 pi.
        methyl_torsions: those that turn a methyl group, in which 2 pi / 3 changes nothing but the
            names of hydrogens.

    Raises:
        MoleculeError: no-bonds; linear-molecule, where no three atoms span a plane.
    """

    def __init__(self, molecule: Molecule, references: Array) -> None:
        if molecule.rdmol is None:
            reason = "internal coordinates are made from bonds, and none are known"
            raise MoleculeError("no-bonds", reason, molecule.id)
        self._references, self._graph = references, molecule.rdmol
        self._neighbours = [
            [n.GetIdx() for n in atom.GetNeighbors()] for atom in molecule.rdmol.GetAtoms()
        ]
        self.n_atoms = len(molecule)
        root = max(self._roots(), default=None, key=self._branching)
        if root is None:
            raise MoleculeError("linear-molecule", "it has no shape but a line", molecule.id)
        self._root = root
        self.placements = list(self._placed())
        kinds = [placement.polar for placement in self.placements]
        self.is_torsion = np.array(
            [False] * 3 + [flag for p in kinds for flag in (False, False, p)]
        )
        self.methyl_torsions = np.array(
            [
                3 * row + 5
                for row, placement in enumerate(self.placements)
                if placement.polar
                and molecule.rdmol.GetAtomWithIdx(placement.atom).GetAtomicNum() == 1
                and is_methyl(molecule.rdmol.GetAtomWithIdx(placement.near))
            ],
            dtype=np.int64,
        )

    def from_positions(self, positions: Array) -> tuple[Array, Array]:
        """The coordinates of geometries.

        Args:
            positions: (..., n, 3), Angstrom.

        Returns:
            (..., 3n - 6), Angstrom and radian, and (...) ln of the volume in space of a unit of
            volume in these coordinates, up to a constant.
        """
        x = np.moveaxis(positions, -2, 0)
        a, b, c = self._root
        first, second = _norm(x[a] - x[b]), _norm(x[c] - x[b])
        cosine = np.sum((x[a] - x[b]) * (x[c] - x[b]), -1) / (first * second)
        angle = np.arccos(np.clip(cosine, -1, 1))
        columns = [first, second, angle]
        log_volume = 2 * np.log(first * second) + np.log(np.sin(angle))
        for p in self.placements:
            local = np.einsum("a...i,...i->a...", self._frame(x, p), x[p.atom] - x[p.near])
            if p.polar:
                across = np.hypot(local[1], local[2])
                distance, angle = np.hypot(local[0], across), np.arctan2(across, local[0])
                columns += [distance, angle, np.arctan2(local[2], local[1])]
                log_volume = log_volume + 2 * np.log(distance) + np.log(np.sin(angle))
            else:
                columns += list(local)
        return np.stack(columns, axis=-1), log_volume

    def to_positions(self, coordinates: Array) -> Array:
        """(..., n, 3) geometries, Angstrom, from their (..., 3n - 6) coordinates."""
        q = np.moveaxis(coordinates, -1, 0)
        x = np.zeros((self.n_atoms, *q.shape[1:], 3))
        a, _, c = self._root
        x[a, ..., 0] = q[0]
        x[c, ..., 0], x[c, ..., 1] = q[1] * np.cos(q[2]), q[1] * np.sin(q[2])
        for row, p in enumerate(self.placements):
            local = q[3 * row + 3 : 3 * row + 6]
            if p.polar:
                distance, angle, torsion = local
                across = distance * np.sin(angle)
                local = np.stack(
                    [distance * np.cos(angle), across * np.cos(torsion), across * np.sin(torsion)]
                )
            x[p.atom] = x[p.near] + np.einsum("a...,a...i->...i", local, self._frame(x, p))
        return np.moveaxis(x, 0, -2)

    def difference(self, a: Array, b: Array) -> Array:
        """(..., 3n - 6) a - b, torsions between -pi and pi."""
        return np.where(self.is_torsion, np.remainder(a - b + np.pi, 2 * np.pi) - np.pi, a - b)

    def jacobian(self, coordinates: Array) -> Array:
        """(3n, 3n - 6) derivatives of `to_positions` at one geometry's coordinates."""
        steps = DISPLACEMENT * np.eye(len(coordinates))
        ahead, behind = (
            self.to_positions(coordinates + steps),
            self.to_positions(coordinates - steps),
        )
        columns: Array = (ahead - behind).reshape(len(coordinates), -1) / (2 * DISPLACEMENT)
        return columns.T

    def _roots(self) -> Iterator[tuple[int, int, int]]:
        for b, neighbours in enumerate(self._neighbours):
            for a in neighbours:
                for c in neighbours:
                    if a < c and self._spans(a, b, c):
                        yield a, b, c

    def _branching(self, root: tuple[int, int, int]) -> tuple[bool, int, int]:
        a, b, c = root
        # A methyl group in the middle of the root would have no torsion of its own.
        turns_apart = not is_methyl(self._graph.GetAtomWithIdx(b))
        outer = len(self._neighbours[a]) + len(self._neighbours[c])
        return turns_apart, len(self._neighbours[b]), outer

    def _placed(self) -> Iterator[Placement]:
        """All atoms but the root's, each after the one it is bonded to."""
        a, b, c = self._root
        done, behind, leader = [b, a, c], {a: b, c: b, b: a}, {b: c}
        for near in done:  # which grows
            for atom in self._neighbours[near]:
                if atom in done:
                    continue
                placement = self._place(atom, near, behind[near], leader.get(near), done)
                leader.setdefault(near, atom)
                behind[atom] = near
                done.append(atom)
                yield placement

    def _place(
        self, atom: int, near: int, behind: int, leader: int | None, done: list[int]
    ) -> Placement:
        if leader is not None and self._spans(near, behind, leader):
            return Placement(atom, near, behind, leader, polar=False)
        beside = [k for k in self._neighbours[behind] if k in done] + done
        for plane in beside:
            if plane not in (near, behind) and self._spans(near, behind, plane):
                return Placement(atom, near, behind, plane, polar=self._spans(atom, near, behind))
        second, plane = next(
            (k, m) for k in done for m in done if len({near, k, m}) == 3 and self._spans(near, k, m)
        )
        return Placement(atom, near, second, plane, polar=False)

    def _spans(self, a: int, b: int, c: int) -> bool:
        """Whether three atoms span a plane in every reference."""
        u = self._references[:, a] - self._references[:, b]
        v = self._references[:, c] - self._references[:, b]
        sines = _norm(np.cross(u, v)) / (_norm(u) * _norm(v))
        return bool(sines.min() > STRAIGHT)

    @staticmethod
    def _frame(x: Array, placement: Placement) -> Array:
        """(3, ..., 3) axes."""
        first = _unit(x[placement.near] - x[placement.next])
        beside = x[placement.plane] - x[placement.next]
        second = _unit(beside - np.sum(beside * first, -1, keepdims=True) * first)
        return np.stack([first, second, np.cross(first, second)])


def is_methyl(atom: Chem.Atom) -> bool:
    """Whether it is the carbon of a methyl group."""
    hydrogens = [n for n in atom.GetNeighbors() if n.GetAtomicNum() == 1]
    return (
        atom.GetAtomicNum() == 6
        and len(hydrogens) == METHYL_HYDROGENS
        and atom.GetDegree() == METHYL_HYDROGENS + 1
    )


def _norm(vectors: Array) -> Array:
    norms: Array = np.linalg.norm(vectors, axis=-1)
    return norms


def _unit(vectors: Array) -> Array:
    return vectors / _norm(vectors)[..., None]
