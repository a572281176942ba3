"""Many geometries of one molecule."""

import numpy as np
import pytest

from relaxd.relax import (
    Molecule,
    MoleculeError,
    connectivity_kept,
    embed_conformers,
    from_arrays,
    from_smiles,
    stereo_kept,
)


def as_3d(smiles: str) -> Molecule:
    """The same molecule, as one that came as a bare geometry."""
    molecule = from_smiles(smiles)
    return from_arrays(molecule.atomic_numbers, molecule.positions)


def test_own_geometry_is_the_first() -> None:
    molecule = from_smiles("OCCO")
    shaken = molecule.with_positions(
        molecule.positions + np.random.default_rng(0).normal(scale=0.02, size=(10, 3))
    )
    conformers = embed_conformers(shaken, 5)
    assert np.array_equal(conformers[0], shaken.positions)
    assert conformers.shape == (5, 10, 3)


def test_others_are_many() -> None:
    conformers = embed_conformers(from_smiles("OCCO"), 20)
    oxygens = np.linalg.norm(conformers[:, 0] - conformers[:, 3], axis=1)
    assert oxygens.min() < 2.9  # gauche
    assert oxygens.max() > 3.5  # anti


def test_more_conformers_begin_with_the_fewer() -> None:
    molecule = from_smiles("CCCO")
    assert np.array_equal(embed_conformers(molecule, 4), embed_conformers(molecule, 8)[:4])


def test_seed_makes_others() -> None:
    molecule = from_smiles("CCCO")
    a, b = (embed_conformers(molecule, 3, seed=seed) for seed in (1, 2))
    assert np.array_equal(a[0], b[0])
    assert not np.allclose(a[1:], b[1:], atol=0.1)


@pytest.mark.parametrize(
    "smiles",
    [
        "C[C@H](N)C(=O)O",
        "C[C@H](O)[C@H](O)CC",
        "C/C=C\\CO",
        "C/C=C/CO",
        "CC(O)C(N)CO",  # left open: all as the molecule's own geometry
        "C1CC2CCC1C2O",
    ],
)
@pytest.mark.parametrize("make", [from_smiles, as_3d])
def test_stereochemistry_is_that_of_the_own_geometry(smiles, make) -> None:
    molecule = make(smiles)
    conformers = embed_conformers(molecule, 15)
    assert len(conformers) > 10
    assert all(stereo_kept(molecule, positions) for positions in conformers)
    assert all(connectivity_kept(molecule, positions) for positions in conformers)


def test_one_is_the_own_geometry() -> None:
    molecule = from_smiles("CCO")
    assert np.array_equal(embed_conformers(molecule, 1), molecule.positions[None])


def test_needs_bonds() -> None:
    with pytest.raises(MoleculeError) as caught:
        embed_conformers(Molecule(np.array([2]), np.zeros((1, 3))), 2)
    assert caught.value.code == "no-bonds"


def test_frozen_atoms_are_refused() -> None:
    with pytest.raises(MoleculeError) as caught:
        embed_conformers(from_smiles("CCO", frozen=[0], id="held"), 2)
    assert (caught.value.code, caught.value.id) == ("frozen-conformers", "held")
