"""Molecules from SMILES."""

import numpy as np
import pytest
from rdkit import Chem

from relaxd.relax import _etkdg, from_smiles


def test_same_smiles_same_geometry() -> None:
    assert np.array_equal(from_smiles("CC(C)O").positions, from_smiles("CC(C)O").positions)


@pytest.mark.parametrize(
    ("smiles", "charge", "multiplicity"),
    [
        ("C", 0, 1),
        ("[NH4+]", 1, 1),
        ("CC(=O)[O-]", -1, 1),
        ("[NH3+]CC(=O)[O-]", 0, 1),
        ("[CH3]", 0, 2),
        ("[O][O]", 0, 3),
        ("[Na]", 0, 2),
        ("[Na+]", 1, 1),
        ("[H]", 0, 2),
    ],
)
def test_charge_and_spin_come_from_the_smiles(smiles: str, charge: int, multiplicity: int) -> None:
    molecule = from_smiles(smiles)
    assert (molecule.charge, molecule.multiplicity) == (charge, multiplicity)


def test_given_spin_goes_before_the_radical_centres() -> None:
    assert from_smiles("[CH2]", multiplicity=1).multiplicity == 1


def test_uff_where_mmff94_has_no_parameters() -> None:
    carbon_tin = from_smiles("C[Sn](C)(C)C")
    lengths = np.linalg.norm(carbon_tin.positions[[0, 2, 3, 4]] - carbon_tin.positions[1], axis=1)
    assert lengths == pytest.approx(2.15, abs=0.1)


def test_smiles_is_kept_as_given() -> None:
    assert from_smiles("OCC").smiles == "OCC"


def test_an_embedding_out_of_time_finds_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_etkdg, "EMBEDDING_TIMEOUT", 1)
    mol = Chem.AddHs(Chem.MolFromSmiles("C1C2CC3CC1CC(C2)C3OC(=O)C1CC2CCC1CCC2CCCCCCCCCC"))
    assert not _etkdg.add_conformers(mol, 5000, seed=1)
    assert mol.GetNumConformers() == 0
