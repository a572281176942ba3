import numpy as np
import pytest
from rdkit.Chem import rdMolTransforms

from relaxd.relax import Molecule, from_smiles, torsion_angles, torsions


@pytest.mark.parametrize(
    ("smiles", "expected"),
    [
        ("CC", []),
        ("CCCC", [(0, 1, 2, 3)]),
        ("CCO", [(0, 1, 2, 8)]),
        ("CC(=O)NC", [(2, 1, 3, 4)]),
        ("C1CCC1", []),
        ("CC=CC", []),
        ("CC#N", []),
        ("NCC(=O)O", [(0, 1, 2, 3), (3, 2, 4, 9), (2, 1, 0, 5)]),
    ],
)
def test_bonds_that_turn(smiles: str, expected: list[tuple[int, ...]]) -> None:
    found = torsions(from_smiles(smiles))
    assert sorted(map(_directed, found)) == sorted(map(_directed, expected))


def _directed(torsion: tuple[int, ...]) -> tuple[int, ...]:
    return min(torsion, torsion[::-1])


def test_no_bonds_no_torsions() -> None:
    known = from_smiles("CCCC")
    assert torsions(Molecule(known.atomic_numbers, known.positions)) == []


def test_angles_have_the_usual_sign() -> None:
    molecule = from_smiles("NCC(=O)O")
    conformer = molecule.rdmol.GetConformer()
    for torsion in torsions(molecule):
        expected = rdMolTransforms.GetDihedralDeg(conformer, *torsion)
        assert torsion_angles(molecule.positions, torsion) == pytest.approx(expected, abs=1e-6)


def test_many_geometries_at_once() -> None:
    molecule = from_smiles("CCCC")
    mirrored = molecule.positions * [-1, 1, 1]
    angles = torsion_angles(np.stack([molecule.positions, mirrored]), (4, 0, 1, 2))
    assert angles[0] == pytest.approx(-angles[1])
