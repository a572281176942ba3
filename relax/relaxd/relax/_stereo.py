"""Handedness of tetrahedral centres and sides of double bonds, read off a geometry."""

from typing import Literal

import numpy as np
import numpy.typing as npt
from rdkit import Chem

StereoKey = tuple[Literal["atom", "bond"], int]
"""A tetrahedral centre or a double bond, and its index."""

FLAT = 0.1
"""Volume spanned by unit vectors to the neighbours below which a centre counts as flat; 3.1 for a
regular tetrahedron, 0.8 for a pyramid with its angles."""

MAX_TWIST = 80.0
"""Degrees; a double bond twisted by more is neither cis nor trans."""


def stereo_centres(graph: Chem.Mol) -> list[Chem.StereoInfo]:
    """Tetrahedral centres and double bonds that can be in two ways."""
    return [
        centre
        for centre in Chem.FindPotentialStereo(graph)
        if centre.type == Chem.StereoType.Atom_Tetrahedral
        or (centre.type == Chem.StereoType.Bond_Double and not _is_cumulated(graph, centre))
    ]


def geometric_signs(
    graph: Chem.Mol, centres: list[Chem.StereoInfo], positions: npt.NDArray[np.float64]
) -> dict[StereoKey, int]:
    """The way each centre is in a geometry.

    Args:
        graph: the atoms and bonds.
        centres: of `stereo_centres`.
        positions: (n, 3), Angstrom.

    Returns:
        1 for counterclockwise or cis, -1 for clockwise or trans, 0 where too flat or too twisted.
    """
    signs: dict[StereoKey, int] = {}
    for centre in centres:
        if centre.type == Chem.StereoType.Atom_Tetrahedral:
            atom = graph.GetAtomWithIdx(centre.centeredOn)
            signs["atom", centre.centeredOn] = _handedness(atom, positions)
        else:
            signs["bond", centre.centeredOn] = _side(graph, centre, positions)
    return signs


def specified_signs(graph: Chem.Mol, centres: list[Chem.StereoInfo]) -> dict[StereoKey, int]:
    """The way each centre is by the marks of the molecule; centres without a mark are left out."""
    signs: dict[StereoKey, int] = {}
    for centre in centres:
        if centre.type == Chem.StereoType.Atom_Tetrahedral:
            tag = graph.GetAtomWithIdx(centre.centeredOn).GetChiralTag()
            if tag in TAGS:
                signs["atom", centre.centeredOn] = TAGS[tag]
        elif centre.descriptor == Chem.StereoDescriptor.Bond_Cis:
            signs["bond", centre.centeredOn] = 1
        elif centre.descriptor == Chem.StereoDescriptor.Bond_Trans:
            signs["bond", centre.centeredOn] = -1
    return signs


def mark_stereo(mol: Chem.Mol) -> None:
    """Marks the stereochemistry of the conformer, in place.

    RDKit judges a centre by three neighbours and its own position, which goes wrong in cages where
    all four neighbours lie on one side of it. There the mark is corrected.
    """
    Chem.AssignStereochemistryFrom3D(mol)
    centres = stereo_centres(mol)
    found = geometric_signs(mol, centres, mol.GetConformer().GetPositions())
    wrong = [
        index
        for (kind, index), sign in specified_signs(mol, centres).items()
        if kind == "atom" and found["atom", index] == -sign
    ]
    for index in wrong:
        atom = mol.GetAtomWithIdx(index)
        atom.InvertChirality()
        atom.ClearProp("_CIPCode")


def has_specified_stereo(mol: Chem.Mol, conformer: int = -1) -> bool:
    """Whether a conformer has the stereochemistry that the molecule is marked with."""
    centres = stereo_centres(mol)
    found = geometric_signs(mol, centres, mol.GetConformer(conformer).GetPositions())
    return specified_signs(mol, centres).items() <= found.items()


TAGS = {Chem.ChiralType.CHI_TETRAHEDRAL_CCW: 1, Chem.ChiralType.CHI_TETRAHEDRAL_CW: -1}


def _handedness(atom: Chem.Atom, positions: npt.NDArray[np.float64]) -> int:
    """Sign of the volume that the neighbours, in the order of the bonds, span.

    Four neighbours are measured from the last one, so that the centre itself does not matter.
    """
    neighbours = [neighbour.GetIdx() for neighbour in atom.GetNeighbors()]
    vectors = positions[neighbours] - positions[atom.GetIdx()]
    vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    edges = vectors[:3] - vectors[3] if len(vectors) == 4 else vectors[:3]
    volume = np.linalg.det(edges)
    return int(np.sign(volume)) if abs(volume) > FLAT else 0


def _side(graph: Chem.Mol, centre: Chem.StereoInfo, positions: npt.NDArray[np.float64]) -> int:
    """1 if the first substituents of both ends are on one side of the double bond, else -1."""
    bond = graph.GetBondWithIdx(centre.centeredOn)
    begin, end = positions[bond.GetBeginAtomIdx()], positions[bond.GetEndAtomIdx()]
    axis = (end - begin) / np.linalg.norm(end - begin)
    # RDKit lists two substituents of the begin atom, then two of the end.
    first_of_begin, _, first_of_end, _ = centre.controllingAtoms
    u = _perpendicular(positions[first_of_begin] - begin, axis)
    v = _perpendicular(positions[first_of_end] - end, axis)
    lengths = np.linalg.norm(u) * np.linalg.norm(v)
    if lengths == 0.0:  # an end is straight, on no side
        return 0
    cosine = u @ v / lengths
    return int(np.sign(cosine)) if abs(cosine) > np.cos(np.radians(MAX_TWIST)) else 0


def _perpendicular(
    vector: npt.NDArray[np.float64], axis: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    perpendicular: npt.NDArray[np.float64] = vector - (vector @ axis) * axis
    return perpendicular


def _is_cumulated(graph: Chem.Mol, centre: Chem.StereoInfo) -> bool:
    """Whether an end is linear, as in allenes: its substituent is on no side of the bond."""
    bond = graph.GetBondWithIdx(centre.centeredOn)
    ends = (bond.GetBeginAtom(), bond.GetEndAtom())
    return any(
        sum(b.GetBondType() == Chem.BondType.DOUBLE for b in end.GetBonds()) > 1 for end in ends
    )
