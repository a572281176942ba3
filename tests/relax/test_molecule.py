"""What a `Molecule` holds, and that it keeps it."""

import pickle
from dataclasses import replace

import numpy as np
import pytest
from ase.constraints import FixAtoms
from rdkit import Chem

from relaxd.relax import (
    Molecule,
    MoleculeError,
    from_arrays,
    from_sdf,
    from_smiles,
    split_records,
)

ETHANOL = from_smiles("CCO", id="ethanol", frozen=[2, 0])


def test_fields_of_a_smiles() -> None:
    assert len(ETHANOL) == 9
    assert ETHANOL.atomic_numbers.tolist() == [6, 6, 8, 1, 1, 1, 1, 1, 1]
    assert ETHANOL.positions.shape == (9, 3)
    assert (ETHANOL.charge, ETHANOL.multiplicity, ETHANOL.frozen) == (0, 1, (0, 2))
    assert ETHANOL.bonds is not None
    assert (0, 1, 1.0) in ETHANOL.bonds
    assert len(ETHANOL.bonds) == 8


def test_pickle_keeps_everything_to_the_last_bit() -> None:
    copy = pickle.loads(pickle.dumps(ETHANOL))  # noqa: S301
    for name in ("charge", "multiplicity", "frozen", "id", "smiles", "bonds"):
        assert getattr(copy, name) == getattr(ETHANOL, name)
    assert np.array_equal(copy.positions, ETHANOL.positions)
    assert np.array_equal(copy.rdmol.GetConformer().GetPositions(), ETHANOL.positions)


def test_caller_cannot_change_a_molecule_through_its_arrays() -> None:
    positions = np.array([[0.0, 0.0, 0.0], [0.0, 0.0, 0.74]])
    molecule = Molecule(np.array([1, 1]), positions)
    positions[0] = np.nan
    assert np.isfinite(molecule.positions).all()


def test_with_positions_moves_the_conformer_too() -> None:
    moved = ETHANOL.with_positions(ETHANOL.positions + 1.0)
    assert moved.rdmol is not None
    assert np.array_equal(moved.rdmol.GetConformer().GetPositions(), ETHANOL.positions + 1.0)
    assert ETHANOL.rdmol is not None
    assert np.array_equal(ETHANOL.rdmol.GetConformer().GetPositions(), ETHANOL.positions)
    assert (moved.id, moved.smiles, moved.frozen) == ("ethanol", "CCO", (0, 2))


def test_to_atoms_carries_charge_spin_and_frozen_atoms() -> None:
    radical = from_smiles("[NH3+]C[CH2]", frozen=[1])
    atoms = radical.to_atoms()
    assert (atoms.info["charge"], atoms.info["multiplicity"]) == (1, 2)
    (constraint,) = atoms.constraints
    assert isinstance(constraint, FixAtoms)
    assert constraint.get_indices().tolist() == [1]


def test_to_sdf_has_title_and_data_items() -> None:
    record = ETHANOL.to_sdf({"method": "diffusion"})
    assert record is not None
    assert record.startswith("ethanol\n")
    assert record.endswith("$$$$\n")
    assert "<method>" in record
    assert "<multiplicity>" in record


@pytest.mark.parametrize(
    ("id", "title"),
    [
        ("one\ntwo", "one two"),
        ("one\r\ntwo\n", "one two"),
        ("\n\n", ""),
        ("a\u2028b\x0bc", "a b c"),
        ("$$$$", "$$$$"),
        ("M  END\n$$$$\n", "M  END $$$$"),
    ],
)
def test_no_id_spoils_a_record(id: str, title: str) -> None:
    molecule = replace(ETHANOL, id=id)
    records = str(molecule.to_sdf()) + str(ETHANOL.to_sdf())
    supplier = Chem.SDMolSupplier()
    supplier.SetData(records, removeHs=False)
    assert [mol.GetProp("_Name").strip() for mol in supplier] == [title, "ethanol"]
    assert [mol.GetNumAtoms() for mol in supplier] == [9, 9]
    lines = (f"{line}\n" for line in records.split("\n")[:-1])
    assert [found for found, _ in split_records(lines, ".sdf")] == [title, "ethanol"]
    assert from_sdf(str(molecule.to_sdf())).id == (title or None)
    assert molecule.to_rdkit().GetProp("_Name").strip() == title
    assert molecule.id == id


def test_without_bonds_there_is_no_sdf() -> None:
    molecule = from_arrays([26, 17], [[0, 0, 0], [0, 0, 2.2]])
    assert (molecule.rdmol, molecule.bonds, molecule.smiles) == (None, None, None)
    assert molecule.to_rdkit() is None
    assert molecule.to_sdf() is None


@pytest.mark.parametrize(
    ("numbers", "charge", "multiplicity"), [([8, 1], 0, 2), ([8, 1], -1, 1), ([8, 8], 0, 3)]
)
def test_possible_spins_are_accepted(numbers: list[int], charge: int, multiplicity: int) -> None:
    Molecule(np.array(numbers), np.eye(3)[:2], charge, multiplicity)


def test_multiplicity_is_never_guessed_here() -> None:
    with pytest.raises(MoleculeError, match="9 electrons"):
        Molecule(np.array([8, 1]), np.eye(3)[:2])
