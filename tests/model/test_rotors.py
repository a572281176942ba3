"""Bonds about which molecules turn, and the turning."""

import math

import numpy as np
import pytest
import torch
from rdkit import Chem
from rdkit.Chem import rdDistGeom, rdMolTransforms

from relaxd.model._rotors import find_rotors, stack_rotors, turn


def read(smiles):
    mol = Chem.AddHs(Chem.MolFromSmiles(smiles))
    rdDistGeom.EmbedMolecule(mol, randomSeed=1)
    bonds = [
        (b.GetBeginAtomIdx(), b.GetEndAtomIdx(), b.GetBondTypeAsDouble()) for b in mol.GetBonds()
    ]
    return mol, find_rotors(mol.GetNumAtoms(), bonds)


@pytest.mark.parametrize(
    ("smiles", "expected"),
    [
        ("CC", 1),
        ("C=C", 0),
        ("CCCO", 3),
        ("C1CCC1", 0),
        ("C1CC1C=O", 1),
        ("c1ccccc1-c1ccccc1", 1),
        ("CC#N", 1),
        ("C", 0),
    ],
)
def test_rotors_are_single_bonds_outside_rings(smiles, expected):
    mol, rotors = read(smiles)
    assert len(rotors) == expected
    for i, j, side in rotors:
        assert mol.GetBondBetweenAtoms(i, j).GetBondType() == Chem.BondType.SINGLE
        assert j in side
        assert i not in side
        assert 2 * len(side) <= mol.GetNumAtoms()


def test_a_turn_changes_the_torsion_and_no_bond():
    mol, rotors = read("CCCC")
    (middle,) = [rotor for rotor in rotors if set(rotor[:2]) == {1, 2}]
    positions = torch.tensor(mol.GetConformer().GetPositions())
    before = rdMolTransforms.GetDihedralRad(mol.GetConformer(), 0, 1, 2, 3)
    turned = turn(positions[None], stack_rotors(14, [[middle]]), torch.tensor([[0.4]]))[0]
    mol.GetConformer().SetPositions(turned.numpy())
    after = rdMolTransforms.GetDihedralRad(mol.GetConformer(), 0, 1, 2, 3)
    change = (after - before + math.pi) % (2 * math.pi) - math.pi
    assert change == pytest.approx(0.4, abs=1e-6)
    apart = [Chem.GetDistanceMatrix(mol)[i, j] for i, j in np.ndindex(14, 14)]
    near = torch.tensor(apart).view(14, 14) <= 2  # bonds and angles
    for x in (positions, turned):
        torch.testing.assert_close(torch.cdist(x, x)[near], torch.cdist(positions, positions)[near])


def test_molecules_of_a_batch_have_each_their_own():
    ethane, propanol = read("CC")[1], read("CCC")[1]
    rotors = stack_rotors(11, [ethane, propanol, []])
    assert rotors.axes.shape == (3, 2, 2)
    assert rotors.sides.any(-1).tolist() == [[True, False], [True, True], [False, False]]
    positions = torch.randn(3, 11, 3)
    turned = turn(positions, rotors, torch.full((3, 2), 0.3))
    moved = (turned - positions).norm(dim=-1) > 1e-6
    assert not moved[2].any()
    assert (moved <= rotors.sides.any(1)).all()
    assert moved[:2].any(1).all()


def test_none_of_a_batch_can_be_turned():
    positions = torch.randn(2, 5, 3)
    assert torch.equal(turn(positions, stack_rotors(5, [[], []]), torch.zeros(2, 0)), positions)
