"""Metropolis Monte Carlo of one molecule, by any energy: what `boltzmann.py` compares with.

It shares nothing with relaxd's own sampling. Moves are displacements of single atoms, and rigid
turns of one side of a single bond, methyl groups included, by small angles and by any: both leave
volumes in space as they are and are as likely forth as back, so that accepting them by
min(1, exp(-dE / kT)) samples the Boltzmann distribution (doi 10.1063/1.1699114).
"""

from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt
from rdkit import Chem
from scipy.spatial.transform import Rotation

Array = npt.NDArray[np.float64]
Energy = Callable[[Array], float]
"""Of (n, 3) positions in Angstrom, in units of kT."""

ATOM_SHARE = 0.6
"""Of the moves that displace an atom."""

ATOM_STEP = 0.055
"""Angstrom, standard deviation along each axis."""

TURN = np.radians(25)
"""Standard deviation of a small turn."""


def rotors(graph: Chem.Mol) -> list[tuple[int, int, list[int]]]:
    """(fixed end, turned end, turned atoms) of each single bond outside of rings."""
    found = []
    for bond in graph.GetBonds():
        ends = bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()
        if bond.GetBondType() != Chem.BondType.SINGLE or bond.IsInRing():
            continue
        cut = Chem.RWMol(graph)
        cut.RemoveBond(*ends)
        sides = Chem.GetMolFrags(cut)
        if min(map(len, sides)) == 1:
            continue
        turned = min(sides, key=len)
        a, b = ends if ends[1] in turned else ends[::-1]
        found.append((a, b, [i for i in turned if i != b]))
    return found


def metropolis(
    graph: Chem.Mol, start: Array, energy: Energy, n_steps: int, generator: np.random.Generator
) -> Iterator[tuple[Array, float]]:
    """The chain: positions and energy after each step, whether or not it moved."""
    x, level = start.copy(), energy(start)
    bonds = rotors(graph)
    for _ in range(n_steps):
        if not bonds or generator.random() < ATOM_SHARE:
            proposed = x.copy()
            proposed[generator.integers(len(x))] += generator.normal(0, ATOM_STEP, 3)
        else:
            proposed = _turned(x, bonds[generator.integers(len(bonds))], generator)
        new = energy(proposed)
        if np.isfinite(new) and np.log(generator.random()) < level - new:
            x, level = proposed, new
        yield x, level


def _turned(x: Array, rotor: tuple[int, int, list[int]], generator: np.random.Generator) -> Array:
    a, b, atoms = rotor
    is_small = generator.random() < 0.5
    angle = generator.normal(0, TURN) if is_small else generator.uniform(-np.pi, np.pi)
    axis = (x[b] - x[a]) / np.linalg.norm(x[b] - x[a])
    turned = x.copy()
    turned[atoms] = Rotation.from_rotvec(angle * axis).apply(x[atoms] - x[b]) + x[b]
    return turned
