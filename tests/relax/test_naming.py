import numpy as np
import pytest

from relaxd.relax import from_smiles, superposed_rmsd
from relaxd.relax._conformers import embed_conformers
from relaxd.relax._naming import named_alike


def volumes(x: np.ndarray, centre: int, around: list[int]) -> float:
    a, b, c = (x[i] - x[centre] for i in around[:3])
    return float(np.dot(np.cross(a, b), c))


@pytest.mark.parametrize("smiles", ["CCOCC", "CC(C)CO", "CC(C)(C)O", "CCN", "C1CCC1"])
def test_groups_go_round_the_same_way(smiles: str) -> None:
    molecule = from_smiles(smiles)
    embedded = embed_conformers(molecule, 20)
    renamed = named_alike(molecule, embedded)
    assert np.abs(renamed - embedded).max() > 0.5
    for atom in molecule.rdmol.GetAtoms():
        if atom.GetDegree() == 4:
            around = [n.GetIdx() for n in atom.GetNeighbors()]
            signs = {np.sign(volumes(x, atom.GetIdx(), around)) for x in renamed}
            assert len(signs) == 1


def test_shapes_stay_what_they_are() -> None:
    molecule = from_smiles("CC(C)CO")
    embedded = embed_conformers(molecule, 10)
    renamed = named_alike(molecule, embedded)
    for before, after in zip(embedded, renamed, strict=True):
        for number in (1, 6, 8):
            rows = molecule.atomic_numbers == number
            sorted_before, sorted_after = (np.sort(x[rows], axis=0) for x in (before, after))
            np.testing.assert_array_equal(sorted_before, sorted_after)
        carbons = molecule.atomic_numbers > 1
        assert superposed_rmsd(before[carbons][[1, 3, 4]], after[carbons][[1, 3, 4]]) < 1e-6


def test_its_own_geometry_keeps_its_names() -> None:
    molecule = from_smiles("CC(C)CO")
    own = molecule.positions[None]
    np.testing.assert_array_equal(named_alike(molecule, own), own)
