"""Flipped stereocentres and broken bonds are seen, symmetry and vibration are not."""

import numpy as np
import pytest

from relaxd.relax import Molecule, connectivity_kept, from_arrays, from_smiles, stereo_kept

MIRROR = np.array([1.0, 1.0, -1.0])
LACTIC_ACID = from_smiles("C[C@H](O)C(=O)O")


def swapped(molecule: Molecule, i: int, j: int) -> np.ndarray:
    positions = molecule.positions.copy()
    positions[[i, j]] = positions[[j, i]]
    return positions


def without_bonds(molecule: Molecule) -> Molecule:
    return Molecule(molecule.atomic_numbers, molecule.positions)


@pytest.mark.parametrize(
    "smiles",
    [
        "C[C@H](O)C(=O)O",
        "C[C@@H](O)C(=O)O",
        "CC(O)C(=O)O",
        "C[S@](=O)CC",
        "OC[C@H]1O[C@@H](O)[C@H](O)[C@@H](O)[C@@H]1O",
        "C[C@H]1CC[C@@H](C)CC1",
        "C/C=C/C",
        "C/C=C\\C",
        "CN=CC",
        "CC=C=CC",
        "C1C2CC12",
        "C12CC(C1)C2",
        "[NH3+]CC(=O)[O-]",
        "c1ccc2[nH]ccc2c1",
        "[H][H]",
        "O",
    ],
)
def test_small_displacements_change_nothing(smiles: str) -> None:
    molecule = from_smiles(smiles)
    rng = np.random.default_rng(0)
    for variant in (molecule, without_bonds(molecule)):
        for _ in range(3):
            moved = molecule.positions + rng.normal(scale=0.03, size=molecule.positions.shape)
            assert connectivity_kept(variant, moved)
            assert stereo_kept(variant, moved)


@pytest.mark.parametrize(
    ("smiles", "bonds"),
    [
        ("C[C@H](O)C(=O)O", True),
        ("C[C@H](O)C(=O)O", False),
        ("CC(O)C(=O)O", True),
        ("CC(O)C(=O)O", False),
        ("C[S@](=O)CC", True),
    ],
)
def test_a_mirrored_centre_is_seen(smiles: str, bonds: bool) -> None:
    molecule = from_smiles(smiles) if bonds else without_bonds(from_smiles(smiles))
    assert connectivity_kept(molecule, molecule.positions * MIRROR)
    assert not stereo_kept(molecule, molecule.positions * MIRROR)


def test_a_mirrored_molecule_without_stereo_is_the_same() -> None:
    for smiles in ("CCO", "CC(C)O", "C1CCCCC1", "CN(C)CC", "CCC=C"):
        molecule = from_smiles(smiles)
        assert stereo_kept(molecule, molecule.positions * MIRROR)
        assert stereo_kept(without_bonds(molecule), molecule.positions * MIRROR)


def test_exchanged_hydrogens_are_the_same() -> None:
    molecule = from_smiles("CCO")
    assert stereo_kept(molecule, swapped(molecule, 3, 4))


@pytest.mark.parametrize("smiles", ["C/C=C/C", "CC=CC"])
def test_a_turned_double_bond_is_seen(smiles: str) -> None:
    molecule = from_smiles(smiles)
    hydrogen = next(
        j for i, j, _ in molecule.bonds or [] if i == 2 and molecule.atomic_numbers[j] == 1
    )
    assert stereo_kept(molecule, molecule.positions)
    assert not stereo_kept(molecule, swapped(molecule, 3, hydrogen))


def test_a_start_that_lost_the_stereo_of_its_smiles_is_seen() -> None:
    lost = LACTIC_ACID.with_positions(LACTIC_ACID.positions * MIRROR)
    assert not stereo_kept(lost, lost.positions)


def test_broken_bond() -> None:
    stretched = LACTIC_ACID.positions.copy()
    methyl = [0, 6, 7, 8]
    away = stretched[0] - stretched[1]
    stretched[methyl] += away / np.linalg.norm(away)
    assert not connectivity_kept(LACTIC_ACID, stretched)
    assert not connectivity_kept(without_bonds(LACTIC_ACID), stretched)


def test_formed_bond() -> None:
    start = from_arrays([1, 9, 1], [[0, 0, 0], [0.92, 0, 0], [2.2, 0, 0]], charge=1)
    end = np.array([[0.0, 0, 0], [0.92, 0, 0], [1.9, 0, 0]])
    assert connectivity_kept(start, start.positions)
    assert not connectivity_kept(start, end)


def test_proton_transfer() -> None:
    glycine = from_smiles("[NH3+]CC(=O)[O-]")
    oxygen = glycine.positions[4]
    moved = glycine.positions.copy()
    moved[5] = oxygen + 0.97 * (moved[5] - oxygen) / np.linalg.norm(moved[5] - oxygen)
    assert not connectivity_kept(glycine, moved)


def test_positions_that_are_not_numbers_keep_nothing() -> None:
    for value in (np.nan, np.inf):
        nowhere = np.full_like(LACTIC_ACID.positions, value)
        assert not connectivity_kept(LACTIC_ACID, nowhere)
        assert not stereo_kept(LACTIC_ACID, nowhere)


@pytest.mark.parametrize(
    "smiles", ["C1O[C@H]2C[C@@H]12", "CC[C@]12C[C@H]1[C@@]1(C)CN21", "O=C1C[C@@]2(C3CC3)CN12"]
)
def test_cages_with_all_neighbours_on_one_side(smiles: str) -> None:
    cage = from_smiles(smiles)
    assert stereo_kept(cage, cage.positions)
    assert not stereo_kept(cage, cage.positions * MIRROR)
    from_geometry = from_arrays(cage.atomic_numbers, cage.positions)
    assert stereo_kept(from_geometry, from_geometry.positions)


def test_a_centre_that_passes_through_the_plane_of_three_neighbours_is_the_same() -> None:
    cage = from_smiles("C1O[C@H]2C[C@@H]12")
    i = 4
    neighbours = [j for a, b, _ in cage.bonds or [] for j in (a, b) if i in (a, b) and j != i]
    heavy = [j for j in neighbours if cage.atomic_numbers[j] > 1]
    plane = cage.positions[heavy].mean(0)
    for through in (-0.15, 0.15):
        moved = cage.positions.copy()
        moved[i] = plane + through * (cage.positions[i] - plane)
        assert stereo_kept(cage, moved)
