"""Geometries that are one conformer, and those that are not."""

import numpy as np
import numpy.typing as npt
import pytest
from rdkit import Chem
from rdkit.Chem import rdMolAlign, rdMolTransforms
from scipy.spatial.transform import Rotation

from relaxd.relax import Molecule, MoleculeError, Symmetry, cluster, embed_conformers, from_smiles
from relaxd.relax._molecule import with_conformer


def turned(
    molecule: Molecule, atoms: tuple[int, int, int, int], degrees: float
) -> npt.NDArray[np.float64]:
    """The molecule's positions with one torsion set."""
    mol = with_conformer(molecule.rdmol, molecule.positions)
    rdMolTransforms.SetDihedralDeg(mol.GetConformer(), *atoms, degrees)
    return mol.GetConformer().GetPositions()


def anti(smiles: str) -> Molecule:
    """A chain with its first five atoms, where it has as many, in one plane."""
    molecule = from_smiles(smiles)
    for i in range(len(smiles) - 3):
        molecule = molecule.with_positions(turned(molecule, (i, i + 1, i + 2, i + 3), 180))
    return molecule


def n_conformers(molecule: Molecule, *geometries: npt.NDArray[np.float64]) -> int:
    clusters = cluster(molecule, np.stack(geometries), np.zeros(len(geometries)))
    return len(clusters.representatives)


def test_turned_methyl_is_the_same() -> None:
    ethanol = from_smiles("CCO")  # H on the first carbon: 3, 4, 5
    assert n_conformers(ethanol, *(turned(ethanol, (3, 0, 1, 2), x) for x in (60, 100))) == 1


def test_turned_hydroxyl_is_another() -> None:
    ethanol = from_smiles("CCO")
    assert n_conformers(ethanol, *(turned(ethanol, (0, 1, 2, 8), x) for x in (60, 180))) == 2


def test_exchanged_atoms_and_motion_are_the_same() -> None:
    pentane = anti("CCCCC")
    gauche, other_end = (turned(pentane, (i, i + 1, i + 2, i + 3), 65) for i in (0, 1))
    moved = Rotation.from_euler("xyz", [1, 2, 3]).apply(gauche) + 5
    assert n_conformers(pentane, gauche, other_end, moved) == 1


def test_mirror_images_of_an_achiral_molecule_are_the_same() -> None:
    butane = from_smiles("CCCC")
    gauche = turned(butane, (0, 1, 2, 3), 65)
    assert n_conformers(butane, gauche, -gauche) == 1


def test_enantiomers_are_not_the_same() -> None:
    alanine = from_smiles("C[C@H](N)C(=O)O")
    assert n_conformers(alanine, alanine.positions, -alanine.positions) == 2


@pytest.mark.parametrize(
    ("smiles", "centres", "n"),
    [("C[C@H](O)[C@H](O)C", "RS", 1), ("C[C@H](O)[C@@H](O)C", "SS", 2)],
)
def test_only_a_meso_compound_is_its_mirror_image(smiles, centres, n) -> None:
    molecule = from_smiles(smiles)
    found = Chem.FindMolChiralCenters(molecule.rdmol, useLegacyImplementation=False)
    assert sorted(label for _, label in found) == list(centres)
    exchanged = max(molecule.rdmol.GetSubstructMatches(molecule.rdmol, uniquify=False))
    assert exchanged[1] == 3  # one centre goes where the other is
    assert n_conformers(molecule, molecule.positions, -molecule.positions[list(exchanged)]) == n


@pytest.mark.parametrize(
    ("smiles", "degeneracies"),
    [
        ("CC(C)(C)C", [2]),
        ("CC(C)(C)O", [6]),
        ("CC(C)(C)C(C(C)(C)C)C(C)(C)C", [864]),  # 2592 operations, C3
        ("C1CCCCC1", [2, 6]),  # chair, D3d, and twisted boat, D2
        ("CCCC", [1, 2]),  # anti, and gauche of both hands
        ("CCCCC", [1, 4, 2, 4]),  # aa, ag, gg, and gg of unlike hands
        ("C", [1]),
        ("O", [1]),
    ],
)
def test_conformers_and_degeneracies_of_textbooks(smiles, degeneracies) -> None:
    molecule = from_smiles(smiles)
    positions = embed_conformers(molecule, 40 if len(molecule) < 20 else 10)
    longest = -np.linalg.norm(positions[:, :, None] - positions[:, None], axis=-1).max((1, 2))
    found = cluster(molecule, positions, longest).degeneracies.tolist()
    assert sorted(found) == sorted(degeneracies)


def test_lowest_of_each_comes_first() -> None:
    butane = from_smiles("CCCC")
    straight, gauche = (turned(butane, (0, 1, 2, 3), degrees) for degrees in (180, 65))
    positions = np.stack([gauche, straight, -gauche, straight])
    clusters = cluster(butane, positions, [3.0, 1.0, 2.0, 0.0])
    assert clusters.representatives.tolist() == [3, 2]
    assert clusters.assignment.tolist() == [1, 0, 1, 0]


@pytest.mark.parametrize("smiles", ["CCCC", "OCC(O)CO", "CC(C)(C)O", "C[C@H](N)C(=O)O"])
def test_rmsd_is_that_of_rdkit(smiles) -> None:
    molecule = from_smiles(smiles)
    positions = embed_conformers(molecule, 6)
    symmetry = Symmetry(molecule)
    for a in positions[:3]:
        for b in positions[3:]:
            best = min(_rdkit_rmsd(molecule, symmetry.compared, a, c) for c in _images(smiles, b))
            assert symmetry.rmsd(a, b) == pytest.approx(best, abs=1e-6)
            assert symmetry.is_same(a, b, best + 1e-6)
            assert not symmetry.is_same(a, b, best - 1e-6)


def test_needs_bonds() -> None:
    with pytest.raises(MoleculeError) as caught:
        Symmetry(Molecule(np.array([2]), np.zeros((1, 3))))
    assert caught.value.code == "no-bonds"


def _images(smiles: str, positions: npt.NDArray[np.float64]) -> list[npt.NDArray[np.float64]]:
    return [positions] if "@" in smiles else [positions, -positions]


def _rdkit_rmsd(
    molecule: Molecule,
    compared: list[int],
    a: npt.NDArray[np.float64],
    b: npt.NDArray[np.float64],
) -> float:
    """By RDKit, over the numberings it finds itself."""
    probe, reference = (Chem.RWMol(with_conformer(molecule.rdmol, x)) for x in (a, b))
    for mol in (probe, reference):
        for i in sorted(set(range(len(molecule))) - set(compared), reverse=True):
            mol.RemoveAtom(i)
    return rdMolAlign.GetBestRMS(probe, reference)
