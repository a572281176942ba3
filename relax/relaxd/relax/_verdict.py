"""Whether a relaxed geometry is still the molecule that was asked for."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from rdkit import Chem

from ._graph import BONDED, bond_matrix, has_these_bonds, reduced_distances
from ._molecule import Molecule
from ._stereo import geometric_signs, specified_signs, stereo_centres


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a molecule.

    Attributes:
        connectivity_kept: no bond broken and none formed; None where that was not judged.
        stereo_kept: every stereocentre and double bond as it was; None where that was not judged.
        in_domain: whether the model was trained for such molecules.
        expected_error_kcal_mol: energy above the DFT minimum to expect, kcal/mol; None if unknown.
        method: what made the geometry: diffusion, gfn2-xtb or mmff94.
    """

    connectivity_kept: bool | None
    stereo_kept: bool | None
    in_domain: bool
    expected_error_kcal_mol: float | None
    method: str


def connectivity_kept(molecule: Molecule, positions: npt.NDArray[np.float64]) -> bool:
    """Whether (n, 3) `positions`, in Angstrom, have the bonds of the molecule and no others.

    Known bonds are held against; without them, the neighbours in the molecule's own geometry.
    """
    return bool(np.isfinite(positions).all()) and has_these_bonds(
        _bond_matrix(molecule), reduced_distances(molecule.atomic_numbers, positions)
    )


def stereo_kept(molecule: Molecule, positions: npt.NDArray[np.float64]) -> bool:
    """Whether (n, 3) `positions`, in Angstrom, have the stereochemistry of the molecule.

    Compared are the handedness of tetrahedral centres and cis/trans of double bonds, where the
    substituents differ. What a SMILES leaves open is held against the molecule's own geometry.
    Where only neighbours are known, so are the centres that have four, and no double bond is.
    Axial and planar chirality is not seen.
    """
    if not np.isfinite(positions).all():
        return False
    graph = molecule.rdmol if molecule.rdmol is not None else _neighbour_graph(molecule)
    centres = stereo_centres(graph)
    expected = geometric_signs(graph, centres, molecule.positions)
    expected |= specified_signs(graph, centres)
    found = geometric_signs(graph, centres, positions)
    return all(found[key] == sign for key, sign in expected.items() if sign != 0)


def _bond_matrix(molecule: Molecule) -> npt.NDArray[np.bool_]:
    if molecule.rdmol is not None:
        return bond_matrix(molecule.rdmol)
    near: npt.NDArray[np.bool_] = (
        reduced_distances(molecule.atomic_numbers, molecule.positions) < BONDED
    )
    return near


def _neighbour_graph(molecule: Molecule) -> Chem.Mol:
    """Single bonds between neighbours: enough to tell which substituents are alike."""
    graph = Chem.RWMol()
    for number in molecule.atomic_numbers.tolist():
        atom = Chem.Atom(number)
        atom.SetNoImplicit(True)
        graph.AddAtom(atom)
    for i, j in np.argwhere(np.triu(_bond_matrix(molecule))).tolist():
        graph.AddBond(i, j, Chem.BondType.SINGLE)
    graph.UpdatePropertyCache(strict=False)
    Chem.FastFindRings(graph)
    return graph
