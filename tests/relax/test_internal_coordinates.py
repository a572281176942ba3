import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from relaxd.relax import MoleculeError, from_smiles, from_xyz, superposed
from relaxd.relax._internal_coordinates import InternalCoordinates

SMILES = [
    "O",
    "CCCC",
    "CC#N",
    "CC#CC",
    "OC=C=C",
    "C1CCC1",
    "c1ccccc1",
    "CC(C)(C)C",
    "C1CC2CC1CC2",
    "C[C@H](N)C(=O)O",
    "NC#CC#N",
]
"""Chains, rings, cages, and atoms in a line."""


def made(smiles: str) -> tuple[InternalCoordinates, np.ndarray]:
    molecule = from_smiles(smiles)
    return InternalCoordinates(molecule, molecule.positions[None]), molecule.positions


def shaken(positions: np.ndarray, n: int, size: float = 0.05) -> np.ndarray:
    noise = np.random.default_rng(0).normal(0, size, (n, *positions.shape))
    return positions + noise


@pytest.mark.parametrize("smiles", SMILES)
def test_a_geometry_comes_back(smiles: str) -> None:
    internal, positions = made(smiles)
    geometries = shaken(positions, 5)
    coordinates, _ = internal.from_positions(geometries)
    assert coordinates.shape == (5, 3 * len(positions) - 6)
    for before, after in zip(geometries, internal.to_positions(coordinates), strict=True):
        np.testing.assert_allclose(superposed(after, before), before, atol=1e-8)


@pytest.mark.parametrize("smiles", SMILES)
def test_coordinates_do_not_know_where_a_molecule_lies(smiles: str) -> None:
    internal, positions = made(smiles)
    turned = positions @ Rotation.from_euler("xyz", [0.3, -1.1, 2.0]).as_matrix() + [3.0, -2.0, 1.0]
    (here, volume), (there, same_volume) = map(internal.from_positions, (positions, turned))
    np.testing.assert_allclose(internal.difference(here, there), 0, atol=1e-7)
    assert volume == pytest.approx(same_volume, abs=1e-7)


@pytest.mark.parametrize("smiles", SMILES)
def test_the_volume_is_the_determinant(smiles: str) -> None:
    """Of all 3n directions: the coordinates', three of turning and three of moving."""
    internal, positions = made(smiles)
    differences = []
    for geometry in shaken(positions, 4, size=0.1):
        coordinates, log_volume = internal.from_positions(geometry)
        x = internal.to_positions(coordinates)
        turning = np.stack([np.cross(axis, x).ravel() for axis in np.eye(3)], axis=1)
        moving = np.tile(np.eye(3), (len(x), 1))
        every = np.concatenate([internal.jacobian(coordinates), turning, moving], axis=1)
        differences.append(np.linalg.slogdet(every)[1] - log_volume)
    np.testing.assert_allclose(differences, differences[0], atol=1e-5)


def test_a_bond_turns_without_changing_lengths() -> None:
    internal, positions = made("CCCC")
    coordinates, _ = internal.from_positions(positions)
    # About C1-C2: the atoms beyond either end turn against each other.
    column = next(
        3 * row + 5
        for row, p in enumerate(internal.placements)
        if p.polar and {p.near, p.next} == {1, 2}
    )
    coordinates[column] += 1.0
    turned = internal.to_positions(coordinates)

    def length(x: np.ndarray, i: int, j: int) -> float:
        return float(np.linalg.norm(x[i] - x[j]))

    for i, j in [(0, 1), (1, 2), (2, 3), (0, 2), (1, 3)]:
        assert length(turned, i, j) == pytest.approx(length(positions, i, j), abs=1e-9)
    assert abs(length(turned, 0, 3) - length(positions, 0, 3)) > 0.1


def test_torsions_differ_by_less_than_half_a_turn() -> None:
    internal, positions = made("CCCC")
    coordinates, _ = internal.from_positions(positions)
    other = coordinates + np.where(internal.is_torsion, 2 * np.pi - 0.25, 0.0)
    expected = np.where(internal.is_torsion, -0.25, 0.0)
    np.testing.assert_allclose(internal.difference(other, coordinates), expected, atol=1e-12)


@pytest.mark.parametrize(
    ("smiles", "n"),
    [("CCCC", 2), ("CC(=O)NC", 2), ("CCO", 1), ("CO", 1), ("C1CCC1", 0), ("CC(C)(C)C", 4)],
)
def test_methyl_groups_are_known(smiles: str, n: int) -> None:
    internal, _ = made(smiles)
    assert len(internal.methyl_torsions) == n
    assert internal.is_torsion[internal.methyl_torsions].all()


@pytest.mark.parametrize("smiles", ["C#C", "C#N", "N#N", "C#CC#C"])
def test_a_line_has_no_shape(smiles: str) -> None:
    with pytest.raises(MoleculeError) as caught:
        made(smiles)
    assert caught.value.code == "linear-molecule"


def test_bonds_are_needed() -> None:
    molecule = from_xyz("2\n\nH 0 0 0\nH 0 0 0.74\n")
    bare = type(molecule)(molecule.atomic_numbers, molecule.positions, id="bare")
    with pytest.raises(MoleculeError, match="bare") as caught:
        InternalCoordinates(bare, bare.positions[None])
    assert caught.value.code == "no-bonds"
